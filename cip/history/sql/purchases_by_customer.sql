-- One row a customer with a purchase up to as_of: what RFM needs. Refunds lower the spend.
SELECT
  customer_id,
  datediff(
    'day',
    ((max(occurred_at) FILTER (type = 'purchase.completed')) AT TIME ZONE $zone)::DATE,
    ($as_of::TIMESTAMPTZ AT TIME ZONE $zone)::DATE
  ) AS days_since_last_purchase,
  count(*) FILTER (type = 'purchase.completed') AS purchases,
  (
    sum(CASE type WHEN 'purchase.completed' THEN amount_minor ELSE -amount_minor END)
  )::BIGINT AS revenue_minor
FROM events
WHERE type IN ('purchase.completed', 'purchase.refunded') AND occurred_at <= $as_of
GROUP BY customer_id
HAVING count(*) FILTER (type = 'purchase.completed') > 0
ORDER BY customer_id
