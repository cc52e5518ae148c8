-- Event ids that the stream took twice within the window in which it knows an id again. A position
-- is milliseconds of the server's clock, shifted left by 21 bits.
WITH repeated AS (
  SELECT event_id FROM events
  WHERE position IS NOT NULL AND position <= $position
  GROUP BY event_id
  HAVING count(*) > 1
),
gaps AS (
  SELECT
    event_id,
    position - lag(position) OVER (PARTITION BY event_id ORDER BY position) AS gap
  FROM events
  WHERE position IS NOT NULL AND position <= $position
    AND event_id IN (SELECT event_id FROM repeated)
)
SELECT count(DISTINCT event_id) AS events FROM gaps WHERE gap >> 21 < $window_ms
