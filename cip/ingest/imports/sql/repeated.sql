-- The ids that more than one accepted event has.
CREATE TEMP TABLE repeated AS
SELECT id, count(*) AS times
FROM checked
WHERE fault IS NULL
GROUP BY id
HAVING count(*) > 1
