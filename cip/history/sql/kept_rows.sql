-- What stays of one file.
SELECT one.*
FROM one ANTI JOIN people
  ON one.customer_id = people.customer_id AND epoch_us(one.occurred_at) <= people.until_us
