CREATE TEMP TABLE checked (
    row BIGINT,
    rows BIGINT,
    id VARCHAR,
    customer_id VARCHAR,
    type VARCHAR,
    at_us BIGINT,
    channel VARCHAR,
    properties VARCHAR,
    minor BIGINT,
    source_order BIGINT,
    fault VARCHAR
)
