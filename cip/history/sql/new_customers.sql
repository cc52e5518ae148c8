-- Customers by the bucket of their first event ever; $split as in timeseries.sql.
WITH buckets AS (SELECT unnest($edges::TIMESTAMPTZ[]) AS bucket),
first_events AS (
  SELECT
    customer_id,
    min(occurred_at) AS first_at,
    arg_min(
      {'type': type, 'channel': channel},
      (occurred_at, coalesce(source_order, 0), coalesce(position, import_row, 0))
    ) AS first_event
  FROM events
  GROUP BY customer_id
)
SELECT
  bucket,
  CASE $split
    WHEN 'type' THEN first_event.type WHEN 'channel' THEN first_event.channel ELSE ''
  END AS key,
  count(*) AS new_customers
FROM first_events ASOF JOIN buckets ON first_at >= bucket
WHERE first_at >= $start_at AND first_at < $end_at
  AND (len($channels::VARCHAR[]) = 0 OR list_contains($channels::VARCHAR[], first_event.channel))
GROUP BY ALL
ORDER BY ALL
