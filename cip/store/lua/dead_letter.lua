-- Writes one dead letter for a stream entry, whichever group finds it first.
-- KEYS: dead letters, ids that have one.  ARGV: stream id, code, field, message, payload
if redis.call('SADD', KEYS[2], ARGV[1]) == 0 then return '' end
return redis.call('XADD', KEYS[1], '*', 'stream_id', ARGV[1], 'code', ARGV[2], 'field', ARGV[3],
  'message', ARGV[4], 'payload', ARGV[5])
