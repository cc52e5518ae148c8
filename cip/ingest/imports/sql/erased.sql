-- Events of erased customers are refused, as far as they occurred before that.
UPDATE checked SET fault = $fault
FROM people
WHERE checked.fault IS NULL
    AND checked.customer_id = people.customer_id
    AND checked.at_us <= people.until_us
