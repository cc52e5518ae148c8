-- Which of these customers have an event, up to a stream position.
SELECT DISTINCT customer_id
FROM events
WHERE coalesce(position, 0) <= $position
  AND customer_id IN (SELECT unnest($customers::VARCHAR[]))
