-- What a rebuilt generation holds altogether. Late: received more than an hour after it occurred;
-- an import is not late.
SELECT
  count(*) AS applied,
  count(*) FILTER (
    WHERE position IS NOT NULL AND received_at > occurred_at + INTERVAL 1 HOUR
  ) AS late,
  epoch_us(max(occurred_at)) AS newest_us
FROM events
WHERE coalesce(position, 0) <= $position
