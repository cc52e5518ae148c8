-- The events that the history does not have yet, in the history's own columns. Equal rows of one
-- file are told apart by a counter; of rows that name the same id, the first one counts.
WITH ranked AS (
    SELECT *, 1 AS occurrence
    FROM checked ANTI JOIN repeated USING (id)
    WHERE fault IS NULL
    UNION ALL BY NAME
    SELECT *, row_number() OVER (PARTITION BY id ORDER BY row) AS occurrence
    FROM checked SEMI JOIN repeated USING (id)
    WHERE fault IS NULL
),
identified AS (
    SELECT
        *,
        CASE WHEN occurrence = 1 THEN id ELSE id || '-' || occurrence END AS event_id
    FROM ranked
    WHERE occurrence = 1 OR $derive
)
SELECT
    event_id,
    customer_id,
    type,
    make_timestamptz(at_us) AS occurred_at,
    channel,
    properties,
    CASE WHEN type IN ('purchase.completed', 'purchase.refunded') THEN minor END AS amount_minor,
    source_order,
    make_timestamptz(CAST($now AS BIGINT)) AS received_at,
    CAST(NULL AS BIGINT) AS position,
    $import_id AS import_id,
    row AS import_row
FROM identified ANTI JOIN events USING (event_id)
