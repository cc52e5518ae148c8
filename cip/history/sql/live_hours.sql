-- The hours, numbered since 1970, that have events from an instant on.
SELECT DISTINCT (epoch_us(occurred_at) // 3600000000)::BIGINT AS hour
FROM events
WHERE occurred_at >= $since AND coalesce(position, 0) <= $position
ORDER BY hour
