/*
 * What has to happen at once, in the server. All take the stream as KEYS[1] and the consumer group as ARGV[1]; where a
 * consumer is given it is ARGV[2].
 */

export interface Script {
  readonly text: string;
  readonly keys: number;
}

/** Whose message it is now: what another took over is left to it. */
const MINE = `
local function countIfMine(id)
  local row = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)[1]
  if row and row[2] == ARGV[2] then return row[4] end
  return nil
end
`;

/**
 * KEYS[2]: the delayed messages. KEYS[2 + n]: the dedupe key of the n-th message, or the stream again. ARGV[2]: how long
 * a dedupe id is remembered, milliseconds. ARGV[3]: 1 where the stream may be made. Then for each message: its delay, 1
 * where it has a dedupe id, an id of its own, and its fields, packed.
 *
 * A delayed message is the member of a sorted set by its due time; with an id of its own, or two equal ones would be one.
 */
export const PUBLISH: Script = {
  keys: -1,
  text: `
local at = 4
if ARGV[3] == '0' and redis.call('EXISTS', KEYS[1]) == 0 then return redis.error_reply('NOSTREAM no such stream') end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local added = 0
for n = 1, #KEYS - 2 do
  local delay, dedupes, id, count = tonumber(ARGV[at]), ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
  at = at + 4
  local fields = {unpack(ARGV, at, at + count - 1)}
  at = at + count
  if dedupes == '0' or redis.call('SET', KEYS[2 + n], '', 'NX', 'PX', ARGV[2]) then
    if delay > 0 then
      redis.call('ZADD', KEYS[2], now + delay, cmsgpack.pack({id, fields}))
    else
      redis.call('XADD', KEYS[1], '*', unpack(fields))
    end
    added = added + 1
  end
end
return added`,
};

/**
 * Without a consumer group. ARGV[1]: 1 where the stream may be made.
 *
 * Adds nothing: no entry can have the id 0-0, which is found out after it is seen who asks. What a key is, not everybody may
 * ask; then the first message tells.
 */
export const MAY_PUBLISH: Script = {
  keys: 1,
  text: `
if ARGV[1] == '0' and redis.call('EXISTS', KEYS[1]) == 0 then return redis.error_reply('NOSTREAM no such stream') end
local refusal = redis.pcall('XADD', KEYS[1], '0-0', 'body', '').err
if not string.find(refusal, 'must be greater than 0-0', 1, true) then return redis.error_reply(refusal) end
local kind = redis.pcall('TYPE', KEYS[1]).ok
if kind and kind ~= 'none' and kind ~= 'stream' then return redis.error_reply('WRONGTYPE the key is no stream') end
return 1`,
};

/**
 * KEYS[2]: the delayed messages. ARGV[3]: how many. ARGV[4]: the lease, milliseconds. ARGV[5]: where to go on looking
 * for what others left, or nothing to skip that.
 *
 * First what is due goes to the stream. What others left is older than what is new, so it comes first, and nothing new
 * while there may be more of it.
 *
 * Returns the messages with their counts, where to go on looking, and in how many milliseconds a delay ends (-1: none).
 */
export const TAKE: Script = {
  keys: 2,
  text: `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 100)) do
  redis.call('XADD', KEYS[1], '*', unpack(cmsgpack.unpack(member)[2]))
  redis.call('ZREM', KEYS[2], member)
end
local room, cursor, taken = tonumber(ARGV[3]), '0-0', {}
if ARGV[5] ~= '' then
  local left = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[4], ARGV[5], 'COUNT', room)
  cursor = left[1]
  for _, entry in ipairs(left[2]) do
    if entry then
      local row = redis.call('XPENDING', KEYS[1], ARGV[1], entry[1], entry[1], 1)[1]
      taken[#taken + 1] = {entry[1], row[4], entry[2]}
    end
  end
end
if #taken < room and cursor == '0-0' then
  local new = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', room - #taken, 'STREAMS', KEYS[1], '>')
  for _, entry in ipairs(new and new[1][2] or {}) do taken[#taken + 1] = {entry[1], 1, entry[2]} end
end
local due = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
return {taken, cursor, due and math.max(0, math.ceil(due - now)) or -1}`,
};

/**
 * ARGV[3]: 1 to count them as received anew. ARGV[4]: after which id. ARGV[5…]: ids that are known.
 *
 * What is this consumer's and it does not know of: the answer that brought it was lost with the connection, or with the
 * process that had the same name.
 */
export const RECALL: Script = {
  keys: 1,
  text: `
local known, found = {}, {}
for n = 5, #ARGV do known[ARGV[n]] = true end
local rows = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[4], '+', 500, ARGV[2])
for _, row in ipairs(rows) do
  if not known[row[1]] then
    local count = row[4] + ARGV[3]
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, row[1], 'RETRYCOUNT', count, 'JUSTID')
    local entry = redis.call('XRANGE', KEYS[1], row[1], row[1])[1]
    if entry then found[#found + 1] = {entry[1], count, entry[2]} end
  end
end
return {found, #rows == 500 and '(' .. rows[500][1] or ''}`,
};

/** ARGV[3…]: ids. An entry that is done is of no use to anybody: it goes from the stream as well. */
export const ACK: Script = {
  keys: 1,
  text: `${MINE}
for n = 3, #ARGV do
  if countIfMine(ARGV[n]) then
    redis.call('XACK', KEYS[1], ARGV[1], ARGV[n])
    redis.call('XDEL', KEYS[1], ARGV[n])
  end
end
return 1`,
};

/** ARGV[3…]: ids. Their leases begin anew. Returns those that are this consumer's. */
export const EXTEND: Script = {
  keys: 1,
  text: `${MINE}
local mine = {}
for n = 3, #ARGV do
  if countIfMine(ARGV[n]) then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[n], 'JUSTID')
    mine[#mine + 1] = ARGV[n]
  end
end
return mine`,
};

/** ARGV[3…]: ids. Received once more, by the same. Returns those that are this consumer's, with their counts. */
export const AGAIN: Script = {
  keys: 1,
  text: `${MINE}
local mine = {}
for n = 3, #ARGV do
  local count = countIfMine(ARGV[n])
  if count then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[n], 'RETRYCOUNT', count + 1, 'JUSTID')
    mine[#mine + 1] = {ARGV[n], count + 1}
  end
end
return mine`,
};

/** ARGV[3…]: pairs of an id and 1 where it was not in hand, so does not count. They look long forgotten, to be claimed. */
export const GIVE_BACK: Script = {
  keys: 1,
  text: `${MINE}
for n = 3, #ARGV, 2 do
  local count = countIfMine(ARGV[n])
  if count then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[n],
      'IDLE', 86400000, 'RETRYCOUNT', math.max(0, count - ARGV[n + 1]), 'JUSTID')
  end
end
return 1`,
};
