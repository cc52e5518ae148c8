-- How many customers had their first event ever in a minute from `since` on, up to a stream
-- position, by its channel.
WITH first_events AS (
  SELECT
    epoch_us(min(occurred_at)) AS first_us,
    arg_min(
      channel,
      (occurred_at, position IS NOT NULL, coalesce(source_order, 0),
        coalesce(position, import_row, 0))
    ) AS channel
  FROM events
  WHERE coalesce(position, 0) <= $position
  GROUP BY customer_id
)
SELECT (first_us // 60000000)::BIGINT AS minute, channel, count(*) AS customers
FROM first_events
WHERE first_us >= epoch_us($since::TIMESTAMPTZ)
GROUP BY ALL
