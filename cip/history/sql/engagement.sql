-- Engagement of the customers active in the 28 days to as_of: the mean of three shares (days
-- active; how recent the last event is; mean percentile rank of distinct event types), times 100.
WITH active AS (
  SELECT
    customer_id,
    count(DISTINCT (occurred_at AT TIME ZONE $zone)::DATE) AS days_active,
    epoch($as_of::TIMESTAMPTZ - max(occurred_at)) / 86400 AS days_since,
    count(DISTINCT type) AS types
  FROM events
  WHERE occurred_at > $as_of::TIMESTAMPTZ - INTERVAL 28 DAY AND occurred_at <= $as_of
  GROUP BY customer_id
),
ranked AS (
  SELECT
    *,
    -- A window of 28 times 24 hours can touch 29 calendar days.
    least(days_active, 28) / 28 AS share_of_days,
    (rank() OVER (ORDER BY types) - 1 + count(*) OVER (PARTITION BY types) / 2)
      / count(*) OVER () AS breadth
  FROM active
)
SELECT
  count(*) AS customers,
  100 * avg((share_of_days + (1 - days_since / 28) + breadth) / 3) AS value
FROM ranked
