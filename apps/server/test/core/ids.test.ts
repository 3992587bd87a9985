import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  attemptId,
  deliveryRange,
  firstIdAt,
  MAX_ATTEMPT_NUMBER,
  newDeliveryId,
  newId,
  parseId,
  publicId,
  timeOf,
  type Uuid,
} from '../../src/core/ids.ts';

const uuids = fc.uuid().map((text) => text as Uuid);

test('an id is read back from its public form, whatever its 128 bits', () => {
  fc.assert(fc.property(uuids, (id) => parseId('msg', publicId('msg', id)) === id));
  for (const extreme of ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff']) {
    expect(parseId('msg', publicId('msg', extreme as Uuid))).toBe(extreme);
  }
});

test('every digit of the public form is read without regard to case', () => {
  fc.assert(fc.property(uuids, (id) => parseId('msg', `msg_${publicId('msg', id).slice(4).toLowerCase()}`) === id));
});

test('public forms sort as their UUIDs do', () => {
  fc.assert(fc.property(uuids, uuids, (a, b) => a < b === publicId('msg', a) < publicId('msg', b)));
});

describe('a text that is not an id of the prefix is refused', () => {
  const good = publicId('msg', randomUUID() as Uuid);
  const tail = good.slice(4);
  test.each([
    ['empty', ''],
    ['the prefix alone', 'msg_'],
    ['another prefix', `ep_${tail}`],
    ['another prefix of the same length', `dlv_${tail}`],
    ['no separator', `msg-${tail}`],
    ['one digit short', good.slice(0, -1)],
    ['one digit long', `${good}0`],
    ['a letter that Crockford leaves out', `${good.slice(0, -1)}U`],
    ['an I for a 1', `${good.slice(0, -1)}I`],
    ['more than 128 bits', `msg_8${tail.slice(1)}`],
    ['a space', `${good.slice(0, -1)} `],
    ['a UUID', randomUUID()],
    ['digits that are not ASCII', `${good.slice(0, -1)}١`],
  ])('%s', (_, text) => {
    expect(parseId('msg', text)).toBeNull();
  });
});

test('a new id is a UUID of version 7 that carries its time', () => {
  const now = Date.now() + 60_000;
  const id = newId(now);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(timeOf(id)).toBe(now);
});

test.each([
  ['stands still', (now: number) => now],
  ['was stepped back by an hour', (now: number) => now - 3_600_000],
  ['jumps to and fro', (now: number, n: number) => now + (n % 3) * 5 - 5],
])('ids strictly increase, past 4,096 in a millisecond, with a clock that %s', (_, clock) => {
  const now = Date.now() + 120_000;
  const ids = Array.from({ length: 20_000 }, (__, n) => newId(clock(now, n)));
  expect(ids.every((id, n) => n === 0 || id > (ids[n - 1] ?? ''))).toBe(true);
  // What is borrowed from the future is what did not fit, not more.
  expect(timeOf(ids.at(-1) ?? newId())).toBeLessThan(timeOf(ids[0] ?? newId()) + 20);
});

test('the range of a message holds its own deliveries and no other message’s', () => {
  const now = Date.now() + 240_000;
  const messages = Array.from({ length: 50 }, (_, n) => newId(now + n));
  for (const message of messages) {
    const [first, last] = deliveryRange(message);
    for (const other of messages) {
      const delivery = newDeliveryId(other);
      expect(first <= delivery && delivery <= last).toBe(other === message);
    }
  }
});

test('a delivery is made at the time of its message and leaves 12 bits for its attempts', () => {
  const message = newId();
  const delivery = newDeliveryId(message);
  expect(timeOf(delivery)).toBe(timeOf(message));
  expect(delivery).toMatch(/000$/);
  expect(new Set(Array.from({ length: 2_000 }, () => newDeliveryId(message))).size).toBe(2_000);
});

test('an attempt’s id is its delivery’s with its number in it, and sorts by number', () => {
  const delivery = newDeliveryId(newId());
  const ids = [1, 2, 9, 10, 255, 256, MAX_ATTEMPT_NUMBER].map((number) => attemptId(delivery, number));
  expect(ids).toEqual(ids.toSorted());
  expect(ids.map((id) => [id.length, id.slice(0, 33)])).toEqual(ids.map(() => [36, delivery.slice(0, 33)]));
  expect(Number.parseInt((ids[3] ?? '').slice(33), 16)).toBe(10);
});

test('the first id of a millisecond bounds the ids of that millisecond from below', () => {
  const now = Date.now() + 480_000;
  const id = newId(now);
  expect(firstIdAt(now) < id && id < firstIdAt(now + 1)).toBe(true);
  expect(timeOf(firstIdAt(now))).toBe(now);
  expect(firstIdAt(-5)).toBe('00000000-0000-0000-0000-000000000000');
  expect(firstIdAt(1e18)).toBe('ffffffff-ffff-0000-0000-000000000000');
});
