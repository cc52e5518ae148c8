-- What a rebuilt generation holds altogether.
SELECT count(*) AS applied, epoch_us(max(occurred_at)) AS newest_us
FROM events
WHERE coalesce(position, 0) <= $position
