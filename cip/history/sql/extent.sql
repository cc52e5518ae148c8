-- How much there is and how new it is.
SELECT count(*) AS events, max(occurred_at) AS newest FROM events
