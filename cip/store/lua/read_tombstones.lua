-- All tombstones, as of one version. KEYS: keys, tombstones, version.
return {
  redis.call('GET', KEYS[3]) or '0',
  redis.call('HGETALL', KEYS[1]),
  redis.call('HGETALL', KEYS[2]),
}
