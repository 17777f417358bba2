"""The writes that must happen wholly or not at all, as Lua for the store.

Each script lists its KEYS and ARGV. Scripts touch keys of several names, so a cluster of stores is out; one
primary with replicas is fine.
"""

from __future__ import annotations

from paretoscope.adapters.store.lua import (
    BURY,
    CLOSE,
    DOCUMENTS,
    EMIT,
    EVEN_FULL,
    FENCE,
    FORGET_STREAM,
    FORGET_WORKED,
    WAITED,
)

PUT_FRAME = (
    EMIT
    + FORGET_STREAM
    + """
-- ARGV: frame_id stream epoch sequence gap('' = count it here) header pixels nbytes received_at received_ms
--       backlog_frames backlog_bytes events_limit frame_event streams_limit field dose('' = not known)
--       boot boot_ms
-- Returns {1, gap} stored, {0, gap} already there, {-1, 0} backlog full, {-2, 0} the stream is paused.
local frame_id, stream, epoch, sequence = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local frame = 'ps:frame:' .. frame_id
-- Of a stream that never had a frame nothing is kept: any sender can think of names.
local function not_taken(why)
  redis.call('HINCRBY', 'ps:counters', 'frames:' .. why, 1)
  if redis.call('ZSCORE', 'ps:streams', stream) then
    redis.call('HINCRBY', 'ps:tally:' .. stream, 'frames:' .. why, 1)
  end
end
if redis.call('EXISTS', frame) == 1 then
  not_taken('duplicate')
  return {0, tonumber(redis.call('HGET', frame, 'gap'))}
end
if redis.call('HEXISTS', 'ps:paused', stream) == 1 then
  not_taken('paused')
  return {-2, 0}
end
local bytes = tonumber(redis.call('HGET', 'ps:bytes', 'waiting') or 0)
local queued = redis.call('XLEN', 'ps:work')
if queued >= tonumber(ARGV[11]) or (queued > 0 and bytes + tonumber(ARGV[8]) > tonumber(ARGV[12])) then
  not_taken('busy')
  return {-1, 0}
end
if not redis.call('ZSCORE', 'ps:streams', stream)
  and redis.call('ZCARD', 'ps:streams') >= tonumber(ARGV[15]) and not forget_oldest_stream() then
  return {-1, 0}
end
local seen = redis.call('HMGET', 'ps:last:' .. stream, 'epoch', 'sequence')
local expected = 0
if seen[1] == epoch then expected = tonumber(seen[2]) + 1 end
local gap = tonumber(ARGV[5])
if not gap then gap = math.max(0, sequence - expected) end
if sequence >= expected then
  redis.call('HSET', 'ps:last:' .. stream, 'epoch', epoch, 'sequence', sequence)
end
local arrival = redis.call('INCR', 'ps:arrivals')
redis.call('SET', 'ps:pixels:' .. frame_id, ARGV[7])
redis.call('ZADD', 'ps:history:' .. stream, arrival, frame_id)
redis.call('ZADD', 'ps:waiting:' .. stream, arrival, frame_id)
redis.call('ZADD', 'ps:streams', ARGV[10], stream)
local now = redis.call('TIME')
local entry = redis.call('XADD', 'ps:work', '*', 'frame', frame_id, 'stream', stream)
redis.call('HSET', frame, 'header', ARGV[6], 'stream', stream, 'state', 'queued', 'gap', gap,
  'nbytes', ARGV[8], 'received_at', ARGV[9], 'received_ms', ARGV[10],
  'boot', ARGV[18], 'boot_ms', ARGV[19], 'store_ms', now[1] * 1000 + math.floor(now[2] / 1000),
  'arrival', arrival, 'entry', entry, 'revision', 0)
redis.call('HINCRBY', 'ps:bytes', 'waiting', ARGV[8])
redis.call('HINCRBY', 'ps:counters', 'frames:received', 1)
if gap > 0 then
  redis.call('HINCRBY', 'ps:counters', 'frames:missing', gap)
  redis.call('HINCRBY', 'ps:counters', 'gaps', 1)
end
local tally = 'ps:tally:' .. stream
redis.call('HSETNX', tally, 'since', ARGV[9])
redis.call('HINCRBY', tally, 'received', 1)
redis.call('HINCRBY', tally, 'missing', gap)
if gap > 0 then redis.call('HINCRBY', tally, 'gaps', 1) end
if redis.call('HGET', tally, 'field') ~= ARGV[16] then
  redis.call('HSET', tally, 'field', ARGV[16], 'field_since', ARGV[9], 'dose', '0')
  redis.call('HSET', tally, 'dose_frames', 0, 'doseless', 0)
end
if ARGV[17] == '' then
  redis.call('HINCRBY', tally, 'doseless', 1)
else
  redis.call('HINCRBYFLOAT', tally, 'dose', ARGV[17])
  redis.call('HINCRBY', tally, 'dose_frames', 1)
end
emit('ps:events', ARGV[13], ARGV[14])
return {1, gap}
"""
)

FORGET_SOME = (
    EVEN_FULL
    + FORGET_WORKED
    + """
-- ARGV: bytes. Forgets worked frames until so many bytes of pixels are free, first of the stream that keeps
-- most. Returns how many bytes that were.
local freed, done = 0, {}
while freed < tonumber(ARGV[1]) do
  local most, of = -1, nil
  for _, stream in ipairs(redis.call('ZRANGE', 'ps:streams', 0, -1)) do
    local kept = tonumber(redis.call('HGET', 'ps:bytes', 'kept:' .. stream) or 0)
    if not done[stream] and kept > most then most, of = kept, stream end
  end
  if not of then break end
  local got = forget_worked(of)
  if got then freed = freed + got else done[of] = true end
end
return freed
"""
)

BEGIN_WORK = (
    EVEN_FULL
    + WAITED
    + """
-- ARGV: frame_id entry consumer boot boot_ms. Marks the frame as worked on; an entry without an open frame
-- is taken out.
-- A consumer whose command lay in a cut wire while the entry went to another gets nothing.
-- Returns {header, received_at, gap, pixels, fence, hung, waited_ms} or nothing.
local frame = 'ps:frame:' .. ARGV[1]
local held = redis.call('HMGET', frame, 'state', 'header', 'received_at', 'gap', 'hung')
if held[1] ~= 'queued' and held[1] ~= 'working' then
  redis.call('XACK', 'ps:work', 'workers', ARGV[2])
  redis.call('XDEL', 'ps:work', ARGV[2])
  return {}
end
local holder = redis.call('XPENDING', 'ps:work', 'workers', ARGV[2], ARGV[2], 1)[1]
if not holder or holder[2] ~= ARGV[3] then return {} end
redis.call('HSET', frame, 'state', 'working')
local fence = redis.call('INCR', 'ps:fence')
redis.call('HSET', frame, 'fence', fence)
return {held[2], held[3], held[4], redis.call('GET', 'ps:pixels:' .. ARGV[1]), fence, held[5] or 0,
  tostring(waited_ms(frame, ARGV[4], tonumber(ARGV[5])))}
"""
)

KEEP = (
    EVEN_FULL
    + """
-- KEYS: queue claimed (the frame or choice).  ARGV: entry consumer fence. Returns 1, 0 for an old claim.
if redis.call('HGET', KEYS[2], 'fence') ~= ARGV[3] then return 0 end
return #redis.call('XCLAIM', KEYS[1], 'workers', ARGV[2], 0, ARGV[1], 'IDLE', 0, 'JUSTID')
"""
)

RELEASE = (
    EVEN_FULL
    + """
-- KEYS: queue.  ARGV: consumer forgive('1' = this delivery does not count). Whoever looks next may take what
-- the consumer holds. Returns how many entries that were.
local held = redis.pcall('XPENDING', KEYS[1], 'workers', '-', '+', 100, ARGV[1])
if held.err then return 0 end
for _, one in ipairs(held) do
  local deliveries = one[4]
  if ARGV[2] == '1' then deliveries = math.max(0, deliveries - 1) end
  redis.call('XCLAIM', KEYS[1], 'workers', ARGV[1], 0, one[1], 'IDLE', 86400000, 'RETRYCOUNT', deliveries,
    'JUSTID')
end
return #held
"""
)

WORKER_ENDED = (
    EVEN_FULL
    + EMIT
    + """
-- ARGV: how frame_id('' = it held none) events_limit event. Counts a worker that died or hung, also for its
-- frame.
redis.call('HINCRBY', 'ps:counters', 'workers:' .. ARGV[1], 1)
local frame = 'ps:frame:' .. ARGV[2]
if redis.call('EXISTS', frame) == 1 then redis.call('HINCRBY', frame, ARGV[1], 1) end
emit('ps:events', ARGV[3], ARGV[4])
"""
)

NEXT_REVISION = (
    EVEN_FULL
    + """
-- KEYS: frame. Returns the next revision, 0 without the frame.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
return redis.call('HINCRBY', KEYS[1], 'revision', 1)
"""
)

PUBLISH = (
    EVEN_FULL
    + EMIT
    + DOCUMENTS
    + FENCE
    + """
-- ARGV: frame_id events_limit event fence, then triples. Returns how many documents changed, -1 without the
-- frame.
local frame = 'ps:frame:' .. ARGV[1]
if redis.call('EXISTS', frame) == 0 then return -1 end
if fenced(frame, ARGV[4]) then return 0 end
local changed = put_documents(frame, 5, #ARGV)
if changed > 0 then emit('ps:events', ARGV[2], ARGV[3]) end
return changed
"""
)

CLOSE_FRAME = (
    EVEN_FULL
    + EMIT
    + DOCUMENTS
    + FENCE
    + CLOSE
    + BURY
    + """
-- ARGV: frame_id stream entry state frames_kept bytes_kept events_limit event counter fence letter
--       letters_kept letters_bytes, then triples.
-- Returns 1, or 0 when another worker has taken the frame over or closed it (nothing is written then).
local frame = 'ps:frame:' .. ARGV[1]
if fenced(frame, ARGV[10]) then return 0 end
local before = redis.call('HGET', frame, 'state')
local open = before == 'queued' or before == 'working'
if open then put_documents(frame, 14, #ARGV) end
if open and ARGV[11] ~= '' then bury(ARGV[1], ARGV[11], tonumber(ARGV[12]), tonumber(ARGV[13])) end
if not close(ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])) then return 0 end
if ARGV[9] ~= '' then
  redis.call('HINCRBY', 'ps:counters', ARGV[9], 1)
  redis.call('HINCRBY', 'ps:tally:' .. ARGV[2], ARGV[9], 1)
end
-- Frames that came until now came while the stream was being worked on.
redis.call('HSET', 'ps:last:' .. ARGV[2], 'freed', redis.call('GET', 'ps:arrivals') or 0)
emit('ps:events', ARGV[7], ARGV[8])
return 1
"""
)

DROP_UNFIT = (
    EVEN_FULL
    + EMIT
    + CLOSE
    + WAITED
    + """
-- ARGV: frame_id stream entry frames_kept bytes_kept events_limit drop keep_newest max_age_ms('' = any)
--       boot boot_ms, then (reason, event) for a newer frame, a busy stream and age.
-- Drops a frame that nobody has begun and that the policy does not want. Returns 1 when dropped.
local frame, waiting = 'ps:frame:' .. ARGV[1], 'ps:waiting:' .. ARGV[2]
local held = redis.call('HMGET', frame, 'state', 'arrival')
if held[1] ~= 'queued' then return 0 end
local why = nil
local newer = redis.call('ZREVRANK', waiting, ARGV[1]) or 0
if ARGV[7] == 'newest' and newer >= tonumber(ARGV[8]) then why = 12 end
if ARGV[7] == 'drop' then
  local freed = redis.call('HGET', 'ps:last:' .. ARGV[2], 'freed')
  if freed and tonumber(held[2]) <= tonumber(freed) then why = 14 end
end
local limit_ms = tonumber(ARGV[9])
if limit_ms and waited_ms(frame, ARGV[10], tonumber(ARGV[11])) > limit_ms then why = 16 end
if not why then return 0 end
if not close(ARGV[1], ARGV[2], ARGV[3], 'dropped', tonumber(ARGV[4]), tonumber(ARGV[5])) then return 0 end
redis.call('HINCRBY', 'ps:counters', 'drop:' .. ARGV[why], 1)
redis.call('HINCRBY', 'ps:tally:' .. ARGV[2], 'dropped:' .. ARGV[why], 1)
emit('ps:events', ARGV[6], ARGV[why + 1])
return 1
"""
)

FORGET_CLOSED = (
    EVEN_FULL
    + """
-- ARGV: frame_id stream. Makes room for the same frame to come again. 1, or 0 while it is open.
local frame = 'ps:frame:' .. ARGV[1]
local held = redis.call('HMGET', frame, 'state', 'nbytes')
if held[1] == 'queued' or held[1] == 'working' then return 0 end
if held[1] then
  redis.call('HINCRBY', 'ps:bytes', 'kept:' .. ARGV[2], -held[2])
  for _, name in ipairs({'closed', 'results', 'history'}) do
    redis.call('ZREM', 'ps:' .. name .. ':' .. ARGV[2], ARGV[1])
  end
  redis.call('DEL', frame, 'ps:pixels:' .. ARGV[1])
end
return 1
"""
)

UNBURY = (
    EVEN_FULL
    + """
-- ARGV: frame_id. Forgets a dead letter; 1 when there was one.
local nbytes = redis.call('HGET', 'ps:dead:' .. ARGV[1], 'nbytes')
if not nbytes then return 0 end
redis.call('HINCRBY', 'ps:bytes', 'dead', -nbytes)
redis.call('DEL', 'ps:dead:' .. ARGV[1])
redis.call('ZREM', 'ps:dead-letters', ARGV[1])
return 1
"""
)

SET_MEMORY = (
    EVEN_FULL
    + FENCE
    + """
-- KEYS: memory.  ARGV: memory operating('' = none) choice_id('' = the service's own) frame_id fence
-- The operator's pick, made while a frame was being worked on, outlives that frame's memory.
if fenced('ps:frame:' .. ARGV[4], ARGV[5]) then return 0 end
redis.call('HSET', KEYS[1], 'memory', ARGV[1])
local held = redis.call('HGET', KEYS[1], 'choice_id')
if held and held ~= '' and held ~= ARGV[3] then return 0 end
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], 'operating', 'choice_id')
else
  redis.call('HSET', KEYS[1], 'operating', ARGV[2], 'choice_id', ARGV[3])
end
return 1
"""
)

COUNT = (
    EVEN_FULL
    + """
-- ARGV: name by stream('' = none). Returns the new value. Also in the tally of a stream that is known.
if ARGV[3] ~= '' and redis.call('ZSCORE', 'ps:streams', ARGV[3]) then
  redis.call('HINCRBY', 'ps:tally:' .. ARGV[3], ARGV[1], ARGV[2])
end
return redis.call('HINCRBY', 'ps:counters', ARGV[1], ARGV[2])
"""
)
