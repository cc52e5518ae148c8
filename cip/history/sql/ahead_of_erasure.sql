-- Erased customers with rows that were there before the tombstone and that occurred after it, as
-- a clock that is ahead makes them; and the newest of these.
SELECT customer_id, max(epoch_us(occurred_at)) AS newest_us
FROM events JOIN people USING (customer_id)
WHERE epoch_us(received_at) <= until_us AND epoch_us(occurred_at) > until_us
GROUP BY customer_id
