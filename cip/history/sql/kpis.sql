-- Totals of one window [start_at, end_at), and who was active in the five minutes to recent_end.
WITH first_events AS (
  SELECT
    customer_id,
    min(occurred_at) AS first_at,
    arg_min(channel, (occurred_at, coalesce(source_order, 0), coalesce(position, import_row, 0)))
      AS first_channel
  FROM events
  GROUP BY customer_id
),
chosen AS (
  SELECT customer_id, type, amount_minor, occurred_at
  FROM events
  WHERE occurred_at >= $start_at AND occurred_at < $end_at
    AND (len($channels::VARCHAR[]) = 0 OR list_contains($channels::VARCHAR[], channel))
)
SELECT
  count(*) AS events,
  count(DISTINCT customer_id) AS active_customers,
  count(DISTINCT customer_id) FILTER (type = 'purchase.completed') AS buyers,
  (
    SELECT count(DISTINCT customer_id) FROM events
    WHERE occurred_at >= $recent_end - INTERVAL 5 MINUTE AND occurred_at < $recent_end
      AND (len($channels::VARCHAR[]) = 0 OR list_contains($channels::VARCHAR[], channel))
  ) AS active_now,
  count(*) FILTER (type = 'conversation.started') AS conversations,
  count(*) FILTER (type = 'message.sent') AS messages,
  count(*) FILTER (type = 'purchase.completed') AS purchases,
  coalesce(sum(amount_minor) FILTER (type = 'purchase.completed'), 0)::HUGEINT AS purchased_minor,
  coalesce(sum(amount_minor) FILTER (type = 'purchase.refunded'), 0)::HUGEINT AS refunded_minor,
  (
    SELECT count(*) FROM first_events
    WHERE first_at >= $start_at AND first_at < $end_at
      AND (len($channels::VARCHAR[]) = 0 OR list_contains($channels::VARCHAR[], first_channel))
  ) AS new_customers
FROM chosen
