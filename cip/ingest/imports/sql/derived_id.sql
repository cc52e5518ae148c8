-- Names an event by what tells it from another one. Of events that are accepted, none of these
-- parts holds the separator. Equal times are told alike in any notation, but independently of the
-- tenant's timezone.
CASE WHEN event_id IS NOT NULL THEN event_id ELSE 'i' || left(sha256(coalesce(key, concat_ws(
    chr(31),
    type,
    customer_id,
    coalesce(
        CASE WHEN offset_us IS NULL THEN 'wall ' || epoch_us(wall) END,
        epoch_us(wall) - offset_us || ' UTC',
        at_text
    ),
    coalesce(CAST(minor AS VARCHAR), amount, '-'),
    source_order
))), 32) END
