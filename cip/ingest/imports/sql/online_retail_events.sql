INSERT INTO skipped
SELECT substr(verdict, 6), count(*)
FROM lines
WHERE starts_with(verdict, 'skip ')
GROUP BY verdict;
INSERT INTO raw (row, rows, pre)
SELECT row, 1, verdict
FROM lines
WHERE verdict IS NOT NULL AND NOT starts_with(verdict, 'skip ');
-- An invoice is one purchase of one customer at its earliest time. A sum of products of six
-- decimals each has twelve, so it is exact.
INSERT INTO raw (row, rows, key, type, customer_id, at_text, channel, amount, p0, p1, p2)
SELECT
    min(row),
    count(*),
    'invoice ' || invoice || ' of ' || customer,
    $type,
    customer,
    min(at_text),
    $channel,
    rtrim(CAST(sum(quantity * price) AS VARCHAR), '0'),
    CAST(to_json(invoice) AS VARCHAR),
    CAST(count(*) AS VARCHAR),
    rtrim(rtrim(CAST(sum(quantity) AS VARCHAR), '0'), '.')
FROM lines
WHERE verdict IS NULL
GROUP BY invoice, customer
