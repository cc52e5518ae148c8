-- Sums per bucket and key: $edges are the buckets' starts, $split is 'type', 'channel' or ''.
WITH buckets AS (SELECT unnest($edges::TIMESTAMPTZ[]) AS bucket)
SELECT
  bucket,
  CASE $split WHEN 'type' THEN type WHEN 'channel' THEN channel ELSE '' END AS key,
  count(*) AS events,
  count(DISTINCT customer_id) AS active_customers,
  count(*) FILTER (type = 'conversation.started') AS conversations,
  count(*) FILTER (type = 'message.sent') AS messages,
  count(*) FILTER (type = 'purchase.completed') AS purchases,
  coalesce(sum(amount_minor) FILTER (type = 'purchase.completed'), 0)
    - coalesce(sum(amount_minor) FILTER (type = 'purchase.refunded'), 0) AS revenue_minor
FROM events ASOF JOIN buckets ON occurred_at >= bucket
WHERE occurred_at >= $start_at AND occurred_at < $end_at
  AND (len($channels::VARCHAR[]) = 0 OR list_contains($channels::VARCHAR[], channel))
GROUP BY ALL
ORDER BY ALL
