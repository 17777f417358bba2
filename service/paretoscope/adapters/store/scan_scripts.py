"""Rows of running scans, shown while they come."""

from __future__ import annotations

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
