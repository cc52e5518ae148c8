-- The files that hold a row to be erased. `placed`: the rows with the name of their file.
SELECT DISTINCT filename
FROM placed SEMI JOIN people
  ON placed.customer_id = people.customer_id AND epoch_us(placed.occurred_at) <= people.until_us
ORDER BY filename
