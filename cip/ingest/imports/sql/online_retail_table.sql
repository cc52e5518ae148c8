CREATE TEMP TABLE lines (
    row BIGINT,
    invoice VARCHAR,
    customer VARCHAR,
    at_text VARCHAR,
    quantity DECIMAL(18, 6),
    price DECIMAL(18, 6),
    verdict VARCHAR
)
