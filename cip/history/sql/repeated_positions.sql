-- Streamed rows up to a stream position, and how many of them have another's position.
SELECT count(*) AS streamed, count(*) - count(DISTINCT position) AS repeated
FROM events
WHERE position IS NOT NULL AND position <= $position
