-- Every event to be with its instant, its amount, its properties as JSON, and its first fault as
-- `code place`, in the order in which the event parser looks. What the patterns here cannot read
-- at a glance goes to the `odd_` functions one by one.
INSERT INTO checked
WITH timed AS (
    SELECT
        * EXCLUDE (channel),
        CASE WHEN channel IS NULL OR channel = '' THEN 'unknown' ELSE channel END AS channel,
        CASE
            WHEN regexp_full_match(at_text, $plain_wall) THEN ''
            WHEN regexp_full_match(at_text, $plain_time)
                THEN regexp_extract(substr(at_text, 11), '(Z|[+-].*)$')
        END AS zone
    FROM {rows}
),
walled AS (
    SELECT
        * EXCLUDE (wall),
        CASE
            WHEN wall IS NOT NULL THEN wall
            WHEN zone = '' THEN TRY_CAST(at_text AS TIMESTAMP)
            WHEN zone <> '' THEN TRY_CAST(left(at_text, length(at_text) - length(zone)) AS TIMESTAMP)
        END AS wall,
        CASE
            WHEN in_utc OR zone = 'Z' THEN 0
            WHEN zone <> '' THEN
                (CASE WHEN zone[1] = '-' THEN -60000000 ELSE 60000000 END)
                * (60 * CAST(zone[2:3] AS BIGINT) + coalesce(TRY_CAST(zone[5:6] AS BIGINT), 0))
        END AS offset_us,
        CASE WHEN zone IS NULL AND at_text <> '' AND length(at_text) <= 64
            THEN odd_time(at_text)
        END AS odd_time,
        CASE
            WHEN amount IS NULL THEN NULL
            WHEN regexp_full_match(amount, $plain_amount)
                THEN CAST(CAST(amount AS DECIMAL(18, {digits})) * {scale} AS BIGINT)
            ELSE odd_amount(amount)
        END AS minor,
        coalesce(currency, CASE WHEN amount IS NOT NULL THEN $currency END) AS money
    FROM timed
),
placed AS (
    SELECT
        *,
        CASE
            WHEN wall IS NULL THEN TRY_CAST(odd_time AS BIGINT)
            ELSE epoch_us(wall) - coalesce(
                offset_us,
                CASE WHEN wall < zone_days.change_at THEN before_us ELSE after_us END,
                0
            )
        END AS at_us
    FROM walled
    LEFT JOIN zone_days ON zone_days.day = CAST(wall AS DATE)
),
parsed AS (
    SELECT
        *,
        {id} AS id,
        concat('{{', {members}, '}}') AS properties
    FROM placed
)
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
        WHEN at_us IS NULL AND wall IS NULL THEN CASE
            WHEN at_text IS NULL OR at_text = '' THEN 'missing occurred_at'
            WHEN length(at_text) > 64 THEN 'type occurred_at'
            ELSE coalesce(odd_time, 'invalid') || ' occurred_at'
        END
        WHEN at_us > $latest THEN 'future occurred_at'
        WHEN at_us < $oldest THEN 'older_than_retention occurred_at'
        {channel}
        {properties}
        WHEN CASE WHEN strlen(properties) * 3 + {width} > {limit} THEN NOT fits(properties) END
            THEN 'too_large properties'
        WHEN type IN ('purchase.completed', 'purchase.refunded') THEN CASE
            WHEN amount IS NULL OR amount = '' THEN 'missing amount'
            WHEN minor IS NULL OR minor NOT BETWEEN 0 AND $largest_amount THEN 'invalid amount'
            WHEN money IS NULL AND type = 'purchase.completed' THEN 'missing currency'
            WHEN money <> $tenant_currency THEN 'currency currency'
        END
        ELSE coalesce(
            CASE
                WHEN type = 'stage.entered' THEN {stage}
                WHEN type IN (
                    'conversation.started', 'conversation.resolved', 'conversation.reopened'
                ) THEN {conversation_id}
                WHEN type = 'message.sent' THEN coalesce(
                    {conversation_id},
                    CASE WHEN {sender_value} NOT IN ('"customer"', '"agent"', '"bot"')
                        THEN 'invalid sender' END
                )
                WHEN type = 'conversation.rated' THEN coalesce(
                    {conversation_id},
                    CASE WHEN {rating_value} NOT IN ('1', '2', '3', '4', '5')
                        THEN 'invalid rating' END
                )
                WHEN type = 'action.taken' THEN {action}
            END,
            CASE WHEN amount <> '' AND (minor IS NULL OR abs(minor) > $largest_amount)
                THEN 'invalid amount' END
        )
    END AS fault
FROM parsed
