-- Every event to be with its instant, its amount and its properties as JSON. What the patterns
-- here cannot read at a glance was read one by one before, into the `odd_` tables.
CREATE TEMP TABLE checked AS
WITH timed AS (
    SELECT
        * EXCLUDE (channel),
        CASE WHEN channel IS NULL OR channel = '' THEN 'unknown' ELSE channel END AS channel,
        CASE
            WHEN length(at_text) > 10 AND regexp_full_match(at_text, $plain_time)
                THEN regexp_extract(substr(at_text, 11), '(Z|[+-].*)$')
            WHEN regexp_full_match(at_text, $plain_time) THEN ''
        END AS zone
    FROM raw
),
walled AS (
    SELECT
        *,
        CASE WHEN zone IS NOT NULL
            THEN TRY_CAST(left(at_text, length(at_text) - length(zone)) AS TIMESTAMP)
        END AS wall,
        CASE
            WHEN zone = 'Z' THEN 0
            WHEN zone <> '' THEN
                (CASE WHEN zone[1] = '-' THEN -60000000 ELSE 60000000 END)
                * (60 * CAST(zone[2:3] AS BIGINT) + coalesce(TRY_CAST(zone[5:6] AS BIGINT), 0))
        END AS offset_us
    FROM timed
),
placed AS (
    SELECT
        walled.*,
        odd_times.code AS time_code,
        coalesce(
            odd_times.at_us,
            epoch_us(wall) - coalesce(
                offset_us,
                CASE WHEN wall < zone_days.change_at THEN before_us ELSE after_us END,
                0
            )
        ) AS at_us,
        -- Tells equal times alike in any notation, but does not depend on the tenant's timezone.
        coalesce(
            CASE WHEN offset_us IS NULL THEN 'wall ' || epoch_us(wall) END,
            epoch_us(wall) - offset_us || ' UTC',
            at_text
        ) AS source_time,
        CASE
            WHEN regexp_full_match(amount, $plain_amount)
                THEN CAST(round(CAST(amount AS DECIMAL(30, 10)) * CAST($scale AS DECIMAL(5, 0))) AS BIGINT)
            ELSE odd_amounts.minor
        END AS minor,
        coalesce(currency, CASE WHEN amount IS NOT NULL THEN $currency END) AS money
    FROM walled
    LEFT JOIN zone_days ON zone_days.day = CAST(wall AS DATE)
    LEFT JOIN odd_times USING (at_text)
    LEFT JOIN odd_amounts USING (amount)
),
parsed AS (
    SELECT
        *,
        CASE
            WHEN event_id IS NOT NULL THEN event_id
            WHEN $derive THEN 'i' || left(sha256(coalesce(key, concat_ws(
                chr(31),
                length(type) || ':' || type,
                length(customer_id) || ':' || customer_id,
                source_time,
                coalesce(CAST(TRY_CAST(amount AS DECIMAL(30, 10)) AS VARCHAR), amount, '-'),
                coalesce(source_order, 0)
            ))), 32)
        END AS id,
        '{{' || concat_ws(',', {members}) || '}}' AS properties
    FROM placed
)
-- The first fault of each event as `code place`, in the order in which the event parser looks.
-- `known` is what the parser would say last, of the types that have a meaning of their own.
SELECT
    row,
    rows,
    id,
    customer_id,
    type,
    at_us,
    channel,
    properties,
    minor,
    source_order,
    CASE
        WHEN pre IS NOT NULL THEN pre
        {type}
        {event_id}
        {customer_id}
        WHEN at_text IS NULL OR at_text = '' THEN 'missing occurred_at'
        WHEN length(at_text) > 64 THEN 'type occurred_at'
        WHEN time_code IS NOT NULL THEN time_code || ' occurred_at'
        WHEN at_us IS NULL THEN 'invalid occurred_at'
        WHEN at_us > $latest THEN 'future occurred_at'
        WHEN at_us < $oldest THEN 'older_than_retention occurred_at'
        {channel}
        {properties}
    END AS fault,
    strlen(properties) * 3 + {width} > {limit} AS large,
    CASE
        WHEN type IN ('purchase.completed', 'purchase.refunded') THEN CASE
            WHEN amount IS NULL OR amount = '' THEN 'missing amount'
            WHEN minor IS NULL OR minor NOT BETWEEN 0 AND $largest_amount THEN 'invalid amount'
            WHEN money IS NULL AND type = 'purchase.completed' THEN 'missing currency'
            WHEN money <> $tenant_currency THEN 'currency currency'
        END
        WHEN type = 'stage.entered' THEN {stage}
        WHEN type IN ('conversation.started', 'conversation.resolved', 'conversation.reopened')
            THEN {conversation_id}
        WHEN type = 'message.sent' THEN coalesce(
            {conversation_id},
            CASE WHEN {sender_value} NOT IN ('"customer"', '"agent"', '"bot"')
                THEN 'invalid sender' END
        )
        WHEN type = 'conversation.rated' THEN coalesce(
            {conversation_id},
            CASE WHEN {rating_value} NOT IN ('1', '2', '3', '4', '5') THEN 'invalid rating' END
        )
        WHEN type = 'action.taken' THEN {action}
    END AS known
FROM parsed
