"""Pieces of Lua that several scripts begin with."""

from __future__ import annotations

EVEN_FULL = "#!lua flags=allow-oom\n"
"""Begins a script that runs also when the store takes nothing new: what is there has to be finished."""

CLOSED = 1
"""The memory limit of a server that takes nothing new, bytes."""

CHOICES_WAITING = 256
"""Choices that may wait for a worker; each keeps its frame from being forgotten."""

EMIT = """
local function emit(events, limit, event)
  if event ~= '' then redis.call('XADD', events, 'MAXLEN', '~', limit, '*', 'e', event) end
end
"""

DOCUMENTS = """
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

WAITED = """
-- How long a frame has waited, ms: by the clock that its machine and the asker's share since their start,
-- else by the store's own clock. Nobody's clock of the day counts: those are set, and differ between hosts.
local function waited_ms(frame, boot, boot_ms)
  local held = redis.call('HMGET', frame, 'boot', 'boot_ms', 'store_ms', 'received_ms')
  if held[1] and held[1] ~= '' and held[1] == boot then return math.max(0, boot_ms - held[2]) end
  local now = redis.call('TIME')
  local now_ms = now[1] * 1000 + now[2] / 1000
  return math.max(0, now_ms - (held[3] or held[4] or now_ms))
end
"""

FENCE = """
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

FORGET_WORKED = """
-- Forget the oldest frame of the stream that nobody works on, unless it is the newest result or an operator's
-- choice waits on it. Returns its bytes, nothing where there is none to forget.
local function forget_worked(stream)
  local newest = redis.call('ZREVRANGE', 'ps:results:' .. stream, 0, 0)[1]
  for _, victim in ipairs(redis.call('ZRANGE', 'ps:closed:' .. stream, 0, CHOICES_WAITING + 1)) do
    local held = redis.call('HMGET', 'ps:frame:' .. victim, 'nbytes', 'choices')
    if victim ~= newest and tonumber(held[2] or 0) <= 0 then
      redis.call('DEL', 'ps:frame:' .. victim, 'ps:pixels:' .. victim)
      for _, name in ipairs({'closed', 'results', 'history'}) do
        redis.call('ZREM', 'ps:' .. name .. ':' .. stream, victim)
      end
      redis.call('HINCRBY', 'ps:bytes', 'kept:' .. stream, -(held[1] or 0))
      return tonumber(held[1] or 0)
    end
  end
  return nil
end
""".replace("CHOICES_WAITING", str(CHOICES_WAITING))

CLOSE = (
    FORGET_WORKED
    + """
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
  local kept = redis.call('ZCARD', 'ps:closed:' .. stream)
  while kept > 1 and (kept > frames_kept or bytes > bytes_kept) do
    local freed = forget_worked(stream)
    if not freed then break end
    bytes = bytes - freed
    kept = kept - 1
  end
  return true
end
"""
)

BURY = """
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

FORGET_STREAM = """
-- Make room for a new stream: the one whose newest frame is the oldest goes, with its frames, unless
-- work or a choice waits on it. By arrival: a clock that was set back would make a live stream the oldest.
local function forget_oldest_stream()
  local streams, came = redis.call('ZRANGE', 'ps:streams', 0, -1), {}
  for _, stream in ipairs(streams) do
    came[stream] = tonumber(redis.call('ZREVRANGE', 'ps:history:' .. stream, 0, 0, 'WITHSCORES')[2] or 0)
  end
  table.sort(streams, function(one, other) return came[one] < came[other] end)
  for _, stream in ipairs(streams) do
    local wanted = redis.call('ZCARD', 'ps:waiting:' .. stream) > 0
    for _, frame_id in ipairs(redis.call('ZRANGE', 'ps:history:' .. stream, 0, -1)) do
      wanted = wanted or tonumber(redis.call('HGET', 'ps:frame:' .. frame_id, 'choices') or 0) > 0
    end
    if not wanted then
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
