"""What the Redis store does inside Redis, in Lua: each script runs as a whole, with nothing in between.

An account is a hash with the fields `document`, `version` and `call` (which call of `save` wrote it). The index
is a sorted set of all keys with the same score, which Redis keeps in byte order.
"""

from __future__ import annotations

__all__ = ["LOAD", "SAVE", "SCAN"]

_NO_EVICTION = """
local policy = string.match(redis.call('INFO', 'memory'), 'maxmemory_policy:([^%s]+)') or 'unknown'
if policy ~= 'noeviction' and string.sub(policy, 1, 9) ~= 'volatile-' then
    return redis.error_reply('maxmemory-policy is ' .. policy .. ' and may evict accounts; set it to noeviction')
end
"""

# ARGV[1] is the key, `version` what is stored under it or false.
_NOTHING_LOST = """
if (version == false) ~= (redis.call('ZSCORE', KEYS[2], ARGV[1]) == false) then
    return redis.error_reply('an account or its entry in the index is lost: were keys evicted or deleted?')
end
"""

LOAD = f"""
{_NO_EVICTION}
local found = redis.call('HMGET', KEYS[1], 'document', 'version')
local version = found[2]
{_NOTHING_LOST}
return version and found
"""
"""KEYS: account, index. ARGV: key. Returns nil, or document and version."""

SAVE = f"""
{_NO_EVICTION}
local key, call = ARGV[1], ARGV[2]
local expected = ARGV[3] == '1' and ARGV[4]
local document = ARGV[6] == '1' and ARGV[7]
local found = redis.call('HMGET', KEYS[1], 'version', 'call')
local version = found[1]
if found[2] == call then
    return 1
end
{_NOTHING_LOST}
if version ~= expected then
    return 0
end
if document then
    redis.call('HSET', KEYS[1], 'document', document, 'version', ARGV[5], 'call', call)
    redis.call('PERSIST', KEYS[1])
    redis.call('ZADD', KEYS[2], 0, key)
elseif version then
    redis.call('ZREM', KEYS[2], key)
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[1], 'call', call)
    redis.call('EXPIRE', KEYS[1], 60)
end
return 1
"""
"""KEYS: account, index. ARGV: key, call, whether and which version is expected, version, whether and which document.

Returns 1 if it was done and 0 if not. A deletion leaves its call's name behind for a minute, for a call that the
client sends again.
"""

SCAN = f"""
{_NO_EVICTION}
return redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
"""
"""KEYS: index. ARGV: first, last, limit. Returns keys in byte order."""
