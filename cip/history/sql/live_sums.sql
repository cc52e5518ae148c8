-- The live counters' sums of [since, until), recomputed: per minute, channel and type, up to a
-- stream position.
SELECT
  (epoch_us(occurred_at) // 60000000)::BIGINT AS minute,
  channel,
  type,
  count(*) AS events,
  coalesce(sum(amount_minor), 0)::BIGINT AS amount_minor,
  list(DISTINCT customer_id) AS customers
FROM events
WHERE occurred_at >= $since AND occurred_at < $until AND coalesce(position, 0) <= $position
GROUP BY ALL
