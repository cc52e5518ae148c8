-- How many rows are still there that are erased.
SELECT count(*) AS rows
FROM events SEMI JOIN people
  ON events.customer_id = people.customer_id AND epoch_us(events.occurred_at) <= people.until_us
