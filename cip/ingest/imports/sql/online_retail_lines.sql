-- One line of an invoice. The rules stand in the order in which a line is left out by them.
INSERT INTO lines
SELECT
    row,
    invoice,
    customer,
    at_text,
    quantity,
    price,
    CASE
        WHEN broken THEN 'record line'
        WHEN customer IS NULL OR customer = '' THEN 'skip no_customer'
        WHEN starts_with(upper(invoice), 'C') THEN 'skip cancelled'
        WHEN quantity IS NULL THEN 'invalid quantity'
        WHEN price IS NULL THEN 'invalid price'
        WHEN quantity <= 0 THEN 'skip quantity_not_positive'
        WHEN price <= 0 THEN 'skip price_not_positive'
        WHEN invoice IS NULL OR invoice = '' THEN 'missing invoice'
    END
FROM (
    SELECT
        row,
        {invoice} AS invoice,
        {customer} AS customer,
        {at_text} AS at_text,
        {quantity} AS quantity,
        {price} AS price,
        {broken} AS broken
    FROM batch
)
