"""Choices: queued once, handed out under a fence, answered once."""

from __future__ import annotations

from paretoscope.adapters.store.lua import CHOICES_WAITING, DOCUMENTS, EMIT, EVEN_FULL

SUBMIT_CHOICE = """
-- KEYS: choice.  ARGV: frame_id choice_id choice.
-- Returns 1, 0 already there, -1 no such frame, -2 another choice has this id, -3 too many wait.
-- It is kept until it is answered, however long that takes, and its frame with it.
local held = redis.call('HGET', KEYS[1], 'choice')
if held then return held == ARGV[3] and 0 or -2 end
if redis.call('EXISTS', 'ps:frame:' .. ARGV[1]) == 0 then return -1 end
if redis.call('XLEN', 'ps:choices') >= CHOICES_WAITING then return -3 end
redis.call('HSET', KEYS[1], 'choice', ARGV[3], 'state', 'queued', 'frame', ARGV[1])
redis.call('HINCRBY', 'ps:frame:' .. ARGV[1], 'choices', 1)
redis.call('XADD', 'ps:choices', '*', 'choice', ARGV[2])
return 1
""".replace("CHOICES_WAITING", str(CHOICES_WAITING))

BEGIN_CHOICE = (
    EVEN_FULL
    + """
-- KEYS: choice.  ARGV: entry consumer. Returns {choice, fence} or nothing.
-- An entry without an open choice is taken out.
local held = redis.call('HMGET', KEYS[1], 'choice', 'state')
if held[2] ~= 'queued' then
  redis.call('XACK', 'ps:choices', 'workers', ARGV[1])
  redis.call('XDEL', 'ps:choices', ARGV[1])
  return {}
end
-- A consumer whose command lay in a cut wire while the entry went to another gets nothing.
local holder = redis.call('XPENDING', 'ps:choices', 'workers', ARGV[1], ARGV[1], 1)[1]
if not holder or holder[2] ~= ARGV[2] then return {} end
local fence = redis.call('INCR', 'ps:fence')
redis.call('HSET', KEYS[1], 'fence', fence)
redis.call('PERSIST', KEYS[1])
return {held[1], fence}
"""
)

CLOSE_CHOICE = (
    EVEN_FULL
    + EMIT
    + DOCUMENTS
    + """
-- KEYS: choice bell memory
-- ARGV: frame_id entry state fault revision operating operating_choice events_limit event kept_s counter
--       fence choice_id answers_kept, then triples.
-- Returns 1, or 0 when another worker has taken it over or answered it (nothing is written then).
local held = redis.call('HMGET', KEYS[1], 'state', 'fence')
if held[1] ~= 'queued' or held[2] ~= ARGV[12] then
  redis.call('HINCRBY', 'ps:counters', 'choices:fenced', 1)
  return 0
end
redis.call('XACK', 'ps:choices', 'workers', ARGV[2])
redis.call('XDEL', 'ps:choices', ARGV[2])
local frame = 'ps:frame:' .. ARGV[1]
if redis.call('EXISTS', frame) == 1 then
  put_documents(frame, 15, #ARGV)
  local waiting = tonumber(redis.call('HGET', frame, 'choices') or 0)
  if waiting > 0 then redis.call('HSET', frame, 'choices', waiting - 1) end
end
if ARGV[6] ~= '' then redis.call('HSET', KEYS[3], 'operating', ARGV[6], 'choice_id', ARGV[7]) end
redis.call('HSET', KEYS[1], 'state', ARGV[3], 'fault', ARGV[4], 'revision', ARGV[5])
redis.call('EXPIRE', KEYS[1], ARGV[10])
redis.call('RPUSH', KEYS[2], '1')
redis.call('EXPIRE', KEYS[2], ARGV[10])
redis.call('RPUSH', 'ps:answered', ARGV[13])
while redis.call('LLEN', 'ps:answered') > tonumber(ARGV[14]) do
  local oldest = redis.call('LPOP', 'ps:answered')
  redis.call('DEL', 'ps:choice:' .. oldest, 'ps:choice-bell:' .. oldest)
end
redis.call('HINCRBY', 'ps:counters', ARGV[11], 1)
emit('ps:events', ARGV[8], ARGV[9])
return 1
"""
)
