-- The first event ever of each customer, up to a stream position. Of two at one instant the imported
-- one counts: the live counters, which had it first, keep it too.
SELECT
  customer_id,
  epoch_us(min(occurred_at)) AS first_us,
  arg_min(
    channel,
    (occurred_at, position IS NOT NULL, coalesce(source_order, 0),
      coalesce(position, import_row, 0))
  ) AS channel
FROM events
WHERE coalesce(position, 0) <= $position
GROUP BY customer_id
