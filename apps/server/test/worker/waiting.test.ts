import { expect, test } from 'vitest';
import { newId, type Uuid } from '../../src/core/ids.ts';
import { type InHand, Waiting } from '../../src/delivery/waiting.ts';

function inHand(endpointId: Uuid, leasedAt: number): InHand {
  const delivery = { id: newId(), endpointId } as InHand['delivery'];
  return { delivery, leasedAt, isClaimed: false };
}

const [a, b, c] = [newId(), newId(), newId()];
const anyone = () => true;

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
  const order = Array.from({ length: 6 }, () => waiting.next(anyone)?.leasedAt);
  expect(order).toEqual([1, 4, 5, 2, 6, 3]);
  expect(waiting.next(anyone)).toBeUndefined();
});

test('an endpoint that may not start one keeps its turn, and holds up nobody', () => {
  const waiting = new Waiting();
  for (const endpoint of [a, b, b]) waiting.add(inHand(endpoint, 1));
  expect(waiting.next(({ endpointId }) => endpointId !== a)?.delivery.endpointId).toBe(b);
  expect(waiting.next(({ endpointId }) => endpointId !== a)?.delivery.endpointId).toBe(b);
  expect(waiting.next(({ endpointId }) => endpointId !== a)).toBeUndefined();
  expect(waiting.has(a)).toBe(true);
  expect(waiting.has(b)).toBe(false);
  expect(waiting.next(anyone)?.delivery.endpointId).toBe(a);
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
  expect([waiting.has(a), waiting.has(b), waiting.has(c)]).toEqual([true, false, true]);
  expect(waiting.takeOlderThan(99)).toHaveLength(2);
  expect(waiting.has(a)).toBe(false);
});
