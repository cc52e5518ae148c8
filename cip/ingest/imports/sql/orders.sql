-- Who the customers are: one event for each name and address a customer has had, at its first
-- order. It stands for no row of its own.
INSERT INTO raw (row, rows, key, type, customer_id, at_text, channel, {columns})
SELECT
    min(row),
    0,
    'identified ' || customer_id || ' ' || coalesce({name}, '') || ' ' || coalesce({email}, ''),
    'customer.identified',
    customer_id,
    min(at_text),
    min_by(channel, row),
    {values}
FROM raw
WHERE pre IS NULL AND customer_id <> '' AND coalesce({name}, {email}) IS NOT NULL
GROUP BY customer_id, {groups}
