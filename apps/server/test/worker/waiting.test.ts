import { expect, test } from 'vitest';
import { newId, type Uuid } from '../../src/core/ids.ts';
import { type InHand, type Room, Waiting } from '../../src/delivery/waiting.ts';

const [a, b, c] = [newId(), newId(), newId()];
const [shop, bank] = [newId(), newId()];

function inHand(endpointId: Uuid, leasedAt: number, applicationId = shop): InHand {
  const delivery = { id: newId(), applicationId, endpointId } as InHand['delivery'];
  return { delivery, leasedAt, isClaimed: false };
}

const forAll: Room = { hasRoom: () => true, take: () => true };
const has = (waiting: Waiting, endpointId: Uuid) => waiting.has({ applicationId: shop, endpointId });

test('deliveries leave oldest first within an endpoint, and endpoints take turns', () => {
  const waiting = new Waiting();
  for (const [endpoint, at] of [
    [a, 1],
    [a, 2],
    [a, 3],
    [b, 4],
    [c, 5],
    [b, 6],
  ] as const)
    waiting.add(inHand(endpoint, at));
  const order = Array.from({ length: 6 }, () => waiting.next(forAll)?.leasedAt);
  expect(order).toEqual([1, 4, 5, 2, 6, 3]);
  expect(waiting.next(forAll)).toBeUndefined();
});

test('applications take turns, however many endpoints of one wait', () => {
  const waiting = new Waiting();
  for (let at = 0; at < 50; at++) waiting.add(inHand(newId(), at));
  for (const at of [100, 101]) waiting.add(inHand(c, at, bank));
  const order = Array.from({ length: 5 }, () => waiting.next(forAll)?.leasedAt);
  expect(order).toEqual([0, 100, 1, 101, 2]);
});

test('an application that has had its share is passed by without a look at its endpoints', () => {
  const waiting = new Waiting();
  for (let at = 0; at < 2_000; at++) waiting.add(inHand(newId(), at));
  waiting.add(inHand(c, 5_000, bank));
  const asked: Uuid[] = [];
  const room: Room = {
    hasRoom: (application) => application !== shop,
    take: ({ applicationId }) => asked.push(applicationId) > 0,
  };
  expect(waiting.next(room)?.leasedAt).toBe(5_000);
  expect(waiting.next(room)).toBeUndefined();
  expect(asked).toEqual([bank]);
});

test('an endpoint that may not start one keeps its turn, and holds up nobody', () => {
  const waiting = new Waiting();
  for (const endpoint of [a, b, b]) waiting.add(inHand(endpoint, 1));
  const notForA: Room = { hasRoom: () => true, take: ({ endpointId }) => endpointId !== a };
  expect(waiting.next(notForA)?.delivery.endpointId).toBe(b);
  expect(waiting.next(notForA)?.delivery.endpointId).toBe(b);
  expect(waiting.next(notForA)).toBeUndefined();
  expect(has(waiting, a)).toBe(true);
  expect(has(waiting, b)).toBe(false);
  expect(waiting.next(forAll)?.delivery.endpointId).toBe(a);
});

test('what has waited too long is taken out, of every endpoint', () => {
  const waiting = new Waiting();
  for (const [endpoint, at] of [
    [a, 1],
    [a, 9],
    [b, 2],
    [c, 10],
  ] as const)
    waiting.add(inHand(endpoint, at));
  expect(waiting.takeOlderThan(5).map(({ leasedAt }) => leasedAt)).toEqual([1, 2]);
  expect([has(waiting, a), has(waiting, b), has(waiting, c)]).toEqual([true, false, true]);
  expect(waiting.takeOlderThan(99)).toHaveLength(2);
  expect(has(waiting, a)).toBe(false);
});
