CREATE TEMP TABLE talks AS
SELECT
    {p_conversation_id} AS conversation,
    min(row) AS row,
    min_by(at_text, coalesce(source_order, row)) AS at_text,
    min_by(channel, coalesce(source_order, row)) AS channel,
    min(source_order) AS first_turn,
    min_by(json_extract_string({p_agent_id}, '$'), coalesce(source_order, row))
        FILTER (WHERE {p_sender} = '"customer"') AS customer
FROM raw
WHERE pre IS NULL AND {p_conversation_id} IS NOT NULL
GROUP BY {p_conversation_id};
CREATE TEMP TABLE messages AS
SELECT raw.* REPLACE (
    talks.customer AS customer_id,
    'message ' || {p_conversation_id} || ' '
        || coalesce(CAST(source_order AS VARCHAR), raw.at_text) AS key,
    CASE WHEN {p_sender} = '"agent"' THEN {p_agent_id} END AS {p_agent_id}
)
FROM raw
LEFT JOIN talks ON talks.conversation = {p_conversation_id};
DROP TABLE raw;
ALTER TABLE messages RENAME TO raw;
-- The start stands for no row of its own and comes before the first turn.
INSERT INTO raw (
    row, rows, key, type, customer_id, at_text, channel, source_order, {p_conversation_id}
)
SELECT
    row,
    0,
    'started ' || conversation,
    'conversation.started',
    customer,
    at_text,
    channel,
    first_turn - 1,
    conversation
FROM talks
WHERE customer IS NOT NULL
