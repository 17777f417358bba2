"""The writes that must happen wholly or not at all, as Lua for the store.

Each script lists its KEYS and ARGV. Scripts touch keys of several names, so a cluster of stores is out; one
primary with replicas is fine.
"""

from __future__ import annotations

_EMIT = """
local function emit(events, limit, event)
  if event ~= '' then redis.call('XADD', events, 'MAXLEN', '~', limit, '*', 'e', event) end
end
"""

_DOCUMENTS = """
-- Write (type, revision, bytes) triples; an older revision never replaces a newer one.
-- Returns how many changed.
local function put_documents(frame, first, last)
  local changed = 0
  for i = first, last, 3 do
    local kind, revision, bytes = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
    local held = redis.call('HGET', frame, 'rev:' .. kind)
    if not held or tonumber(held) <= revision then
      if redis.call('HGET', frame, 'doc:' .. kind) ~= bytes then
        redis.call('HSET', frame, 'doc:' .. kind, bytes, 'rev:' .. kind, revision)
        changed = changed + 1
      end
    end
  end
  return changed
end
"""

_FENCE = """
-- Whether a claim is still the one that holds the frame ('' = no claim: whoever asks may).
-- Each claim of a frame gets the next number; a worker that was thought dead and comes back holds an old one.
local function fenced(frame, fence)
  if fence == '' or fence == redis.call('HGET', frame, 'fence') then return false end
  local stream = redis.call('HGET', frame, 'stream')
  if stream then
    redis.call('HINCRBY', 'ps:counters', 'frames:fenced', 1)
    redis.call('HINCRBY', 'ps:tally:' .. stream, 'fenced', 1)
  end
  return true
end
"""

_CLOSE = """
-- A frame nobody will work on again: out of the queue, into the history, and the oldest out of that.
local function close(frame_id, stream, entry, state, frames_kept, bytes_kept)
  local frame = 'ps:frame:' .. frame_id
  redis.call('XACK', 'ps:work', 'workers', entry)
  redis.call('XDEL', 'ps:work', entry)
  local held = redis.call('HMGET', frame, 'state', 'arrival', 'nbytes')
  if not held[1] or held[1] == 'done' or held[1] == 'failed' or held[1] == 'dropped' then return false end
  redis.call('HSET', frame, 'state', state)
  redis.call('ZREM', 'ps:waiting:' .. stream, frame_id)
  redis.call('ZADD', 'ps:closed:' .. stream, held[2], frame_id)
  if state == 'done' then redis.call('ZADD', 'ps:results:' .. stream, held[2], frame_id) end
  redis.call('HINCRBY', 'ps:bytes', 'waiting', -held[3])
  local bytes = redis.call('HINCRBY', 'ps:bytes', 'kept:' .. stream, held[3])
  redis.call('HINCRBY', 'ps:counters', 'frames:' .. state, 1)
  redis.call('HINCRBY', 'ps:tally:' .. stream, state, 1)
  local newest = redis.call('ZREVRANGE', 'ps:results:' .. stream, 0, 0)[1]
  local kept = redis.call('ZCARD', 'ps:closed:' .. stream)
  while kept > 1 and (kept > frames_kept or bytes > bytes_kept) do
    local oldest = redis.call('ZRANGE', 'ps:closed:' .. stream, 0, 1)
    local victim = oldest[1]
    if victim == newest then victim = oldest[2] end
    local size = tonumber(redis.call('HGET', 'ps:frame:' .. victim, 'nbytes') or 0)
    redis.call('DEL', 'ps:frame:' .. victim, 'ps:pixels:' .. victim)
    redis.call('ZREM', 'ps:closed:' .. stream, victim)
    redis.call('ZREM', 'ps:results:' .. stream, victim)
    redis.call('ZREM', 'ps:history:' .. stream, victim)
    bytes = redis.call('HINCRBY', 'ps:bytes', 'kept:' .. stream, -size)
    kept = kept - 1
  end
  return true
end
"""

_BURY = """
-- Keep a frame that cannot be worked apart from its stream's history, with its pixels; the oldest such go.
local function bury(frame_id, letter, most, most_bytes)
  local held = redis.call('HMGET', 'ps:frame:' .. frame_id, 'header', 'nbytes', 'received_at')
  local pixels = redis.call('GET', 'ps:pixels:' .. frame_id)
  if not held[1] or not pixels then return end
  redis.call('HSET', 'ps:dead:' .. frame_id, 'letter', letter, 'header', held[1], 'pixels', pixels,
    'nbytes', held[2], 'received_at', held[3])
  if redis.call('ZADD', 'ps:dead-letters', redis.call('INCR', 'ps:arrivals'), frame_id) == 1 then
    redis.call('HINCRBY', 'ps:bytes', 'dead', held[2])
  end
  redis.call('HINCRBY', 'ps:counters', 'dead-letters', 1)
  while redis.call('ZCARD', 'ps:dead-letters') > 1 and (redis.call('ZCARD', 'ps:dead-letters') > most
    or tonumber(redis.call('HGET', 'ps:bytes', 'dead')) > most_bytes) do
    local oldest = redis.call('ZPOPMIN', 'ps:dead-letters')[1]
    redis.call('HINCRBY', 'ps:bytes', 'dead', -redis.call('HGET', 'ps:dead:' .. oldest, 'nbytes'))
    redis.call('DEL', 'ps:dead:' .. oldest)
    redis.call('HINCRBY', 'ps:counters', 'dead-letters:forgotten', 1)
  end
end
"""

_FORGET_STREAM = """
-- Make room for a new stream: the one not seen for longest goes, with its frames, unless work waits on it.
local function forget_oldest_stream()
  for _, stream in ipairs(redis.call('ZRANGE', 'ps:streams', 0, -1)) do
    if redis.call('ZCARD', 'ps:waiting:' .. stream) == 0 then
      for _, frame_id in ipairs(redis.call('ZRANGE', 'ps:history:' .. stream, 0, -1)) do
        redis.call('DEL', 'ps:frame:' .. frame_id, 'ps:pixels:' .. frame_id)
      end
      local kept = {'history', 'waiting', 'results', 'closed', 'last', 'policy', 'memory', 'names', 'tally'}
      for _, name in ipairs(kept) do
        redis.call('DEL', 'ps:' .. name .. ':' .. stream)
      end
      redis.call('HDEL', 'ps:bytes', 'kept:' .. stream)
      redis.call('ZREM', 'ps:streams', stream)
      return true
    end
  end
  return false
end
"""

PUT_FRAME = (
    _EMIT
    + _FORGET_STREAM
    + """
-- ARGV: frame_id stream epoch sequence gap('' = count it here) header pixels nbytes received_at received_ms
--       backlog_frames backlog_bytes events_limit frame_event streams_limit field dose('' = not known)
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
local entry = redis.call('XADD', 'ps:work', '*', 'frame', frame_id, 'stream', stream)
redis.call('HSET', frame, 'header', ARGV[6], 'stream', stream, 'state', 'queued', 'gap', gap,
  'nbytes', ARGV[8], 'received_at', ARGV[9], 'received_ms', ARGV[10],
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

BEGIN_WORK = """
-- ARGV: frame_id entry. Marks the frame as worked on; an entry without an open frame is taken out.
-- Returns {header, received_at, gap, pixels, fence, hung} or nothing.
local frame = 'ps:frame:' .. ARGV[1]
local held = redis.call('HMGET', frame, 'state', 'header', 'received_at', 'gap', 'hung')
if held[1] ~= 'queued' and held[1] ~= 'working' then
  redis.call('XACK', 'ps:work', 'workers', ARGV[2])
  redis.call('XDEL', 'ps:work', ARGV[2])
  return {}
end
redis.call('HSET', frame, 'state', 'working')
local fence = redis.call('INCR', 'ps:fence')
redis.call('HSET', frame, 'fence', fence)
return {held[2], held[3], held[4], redis.call('GET', 'ps:pixels:' .. ARGV[1]), fence, held[5] or 0}
"""

KEEP = """
-- KEYS: queue.  ARGV: entry consumer frame_id fence ('' and '' for a choice). Returns 1, 0 for an old claim.
if ARGV[4] ~= '' and redis.call('HGET', 'ps:frame:' .. ARGV[3], 'fence') ~= ARGV[4] then return 0 end
return #redis.call('XCLAIM', KEYS[1], 'workers', ARGV[2], 0, ARGV[1], 'IDLE', 0, 'JUSTID')
"""

RELEASE = """
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

WORKER_ENDED = (
    _EMIT
    + """
-- ARGV: how frame_id('' = it held none) events_limit event. Counts a worker that died or hung, also for its
-- frame.
redis.call('HINCRBY', 'ps:counters', 'workers:' .. ARGV[1], 1)
local frame = 'ps:frame:' .. ARGV[2]
if redis.call('EXISTS', frame) == 1 then redis.call('HINCRBY', frame, ARGV[1], 1) end
emit('ps:events', ARGV[3], ARGV[4])
"""
)

NEXT_REVISION = """
-- KEYS: frame. Returns the next revision, 0 without the frame.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
return redis.call('HINCRBY', KEYS[1], 'revision', 1)
"""

PUBLISH = (
    _EMIT
    + _DOCUMENTS
    + _FENCE
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
    _EMIT
    + _DOCUMENTS
    + _FENCE
    + _CLOSE
    + _BURY
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
    _EMIT
    + _CLOSE
    + """
-- ARGV: frame_id stream entry frames_kept bytes_kept events_limit drop keep_newest max_age_ms('' = any)
--       now_ms, then (reason, event) for a newer frame, a busy stream and age.
-- Drops a frame that nobody has begun and that the policy does not want. Returns 1 when dropped.
local frame, waiting = 'ps:frame:' .. ARGV[1], 'ps:waiting:' .. ARGV[2]
local held = redis.call('HMGET', frame, 'state', 'arrival', 'received_ms')
if held[1] ~= 'queued' then return 0 end
local why = nil
local newer = redis.call('ZREVRANK', waiting, ARGV[1]) or 0
if ARGV[7] == 'newest' and newer >= tonumber(ARGV[8]) then why = 11 end
if ARGV[7] == 'drop' then
  local freed = redis.call('HGET', 'ps:last:' .. ARGV[2], 'freed')
  if freed and tonumber(held[2]) <= tonumber(freed) then why = 13 end
end
if ARGV[9] ~= '' and held[3] and tonumber(ARGV[10]) - tonumber(held[3]) > tonumber(ARGV[9]) then why = 15 end
if not why then return 0 end
if not close(ARGV[1], ARGV[2], ARGV[3], 'dropped', tonumber(ARGV[4]), tonumber(ARGV[5])) then return 0 end
redis.call('HINCRBY', 'ps:counters', 'drop:' .. ARGV[why], 1)
redis.call('HINCRBY', 'ps:tally:' .. ARGV[2], 'dropped:' .. ARGV[why], 1)
emit('ps:events', ARGV[6], ARGV[why + 1])
return 1
"""
)

FORGET_CLOSED = """
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

UNBURY = """
-- ARGV: frame_id. Forgets a dead letter; 1 when there was one.
local nbytes = redis.call('HGET', 'ps:dead:' .. ARGV[1], 'nbytes')
if not nbytes then return 0 end
redis.call('HINCRBY', 'ps:bytes', 'dead', -nbytes)
redis.call('DEL', 'ps:dead:' .. ARGV[1])
redis.call('ZREM', 'ps:dead-letters', ARGV[1])
return 1
"""

SUBMIT_CHOICE = """
-- KEYS: choice.  ARGV: frame_id choice_id choice kept_s. Returns 1, 0 already there, -1 no such frame.
if redis.call('EXISTS', 'ps:frame:' .. ARGV[1]) == 0 then return -1 end
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'choice', ARGV[3], 'state', 'queued', 'frame', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('XADD', 'ps:choices', '*', 'choice', ARGV[2])
return 1
"""

CLOSE_CHOICE = (
    _EMIT
    + _DOCUMENTS
    + """
-- KEYS: choice bell memory
-- ARGV: frame_id entry state fault revision operating operating_choice events_limit event kept_s counter,
--       then triples. Returns 1, or 0 when it was answered before.
redis.call('XACK', 'ps:choices', 'workers', ARGV[2])
redis.call('XDEL', 'ps:choices', ARGV[2])
if redis.call('HGET', KEYS[1], 'state') ~= 'queued' then return 0 end
local frame = 'ps:frame:' .. ARGV[1]
if redis.call('EXISTS', frame) == 1 then put_documents(frame, 12, #ARGV) end
if ARGV[6] ~= '' then redis.call('HSET', KEYS[3], 'operating', ARGV[6], 'choice_id', ARGV[7]) end
redis.call('HSET', KEYS[1], 'state', ARGV[3], 'fault', ARGV[4], 'revision', ARGV[5])
redis.call('RPUSH', KEYS[2], '1')
redis.call('EXPIRE', KEYS[2], ARGV[10])
redis.call('HINCRBY', 'ps:counters', ARGV[11], 1)
emit('ps:events', ARGV[8], ARGV[9])
return 1
"""
)

COUNT = """
-- ARGV: name by stream('' = none). Returns the new value. Also in the tally of a stream that is known.
if ARGV[3] ~= '' and redis.call('ZSCORE', 'ps:streams', ARGV[3]) then
  redis.call('HINCRBY', 'ps:tally:' .. ARGV[3], ARGV[1], ARGV[2])
end
return redis.call('HINCRBY', 'ps:counters', ARGV[1], ARGV[2])
"""

SET_MEMORY = (
    _FENCE
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

SCAN_BEGUN = """
-- ARGV: stream header shown_s news_limit. Returns the name of the run.
local scan, pixels = 'ps:scan:' .. ARGV[1], 'ps:scan-pixels:' .. ARGV[1]
redis.call('DEL', scan, pixels)
local run = redis.call('XADD', 'ps:scans', 'MAXLEN', '~', ARGV[4], '*', 's', ARGV[1])
redis.call('HSET', scan, 'run', run, 'header', ARGV[2], 'rows', 0, 'nbytes', 0)
redis.call('EXPIRE', scan, ARGV[3])
return run
"""

SCAN_ROWS = """
-- ARGV: stream run first_row held pixels shown_s news_limit. Returns 1, or 0 when they do not follow.
local scan, pixels = 'ps:scan:' .. ARGV[1], 'ps:scan-pixels:' .. ARGV[1]
local shown = redis.call('HMGET', scan, 'run', 'rows', 'nbytes')
if shown[1] ~= ARGV[2] or shown[2] ~= ARGV[3] then return 0 end
if redis.call('STRLEN', pixels) ~= tonumber(shown[3]) then return 0 end
redis.call('HSET', scan, 'rows', ARGV[4], 'nbytes', redis.call('APPEND', pixels, ARGV[5]))
redis.call('EXPIRE', scan, ARGV[6])
redis.call('EXPIRE', pixels, ARGV[6])
redis.call('XADD', 'ps:scans', 'MAXLEN', '~', ARGV[7], '*', 's', ARGV[1])
return 1
"""

SCAN_SINCE = """
-- ARGV: stream run row. Rows from `row` on where the run is that one, from 0 on where it is another.
-- Returns {header, run, first_row, rows, pixels} or nothing.
local scan, pixels = 'ps:scan:' .. ARGV[1], 'ps:scan-pixels:' .. ARGV[1]
local shown = redis.call('HMGET', scan, 'run', 'header', 'rows', 'nbytes')
if not shown[1] then return {} end
local row, rows, nbytes = tonumber(ARGV[3]), tonumber(shown[3]), tonumber(shown[4])
if redis.call('STRLEN', pixels) ~= nbytes then return {} end
if shown[1] ~= ARGV[2] or row > rows then row = 0 end
if row == rows then return {shown[2], shown[1], row, rows, ''} end
return {shown[2], shown[1], row, rows, redis.call('GETRANGE', pixels, nbytes / rows * row, -1)}
"""
