import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newId, type Uuid } from '../../src/core/ids.ts';
import { Slots } from '../../src/delivery/slots.ts';

const [shop, bank] = [newId(), newId()];
const [a, b, c] = [newId(), newId(), newId()];
const OWNERS = [
  { application: shop, endpoint: a },
  { application: shop, endpoint: b },
  { application: bank, endpoint: c },
] as const;
const lane = (application_id: Uuid | null, endpoint_id = newId()) => ({ application_id, endpoint_id });

test('one endpoint alone gets half of the places, and leaves the other half', () => {
  const slots = new Slots(100);
  let taken = 0;
  while (slots.take(shop, a)) taken++;
  expect([taken, slots.free]).toEqual([50, 50]);
  expect(slots.take(shop, b)).toBe(true);
});

test('however many endpoints an application has, it leaves an eighth of the places to others', () => {
  const slots = new Slots(512);
  let taken = 0;
  while (slots.take(shop, newId())) taken++;
  expect([taken, slots.free]).toEqual([448, 64]);
  expect(slots.full().applications).toEqual([shop]);
  expect(slots.take(bank, c)).toBe(true);
});

test('whatever comes and goes, who holds nothing gets a place while one is free, and no more are taken than there are', () => {
  const step = fc.record({ owner: fc.constantFrom(...OWNERS), take: fc.boolean() });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(step, { maxLength: 100 }), (capacity, steps) => {
      const slots = new Slots(capacity);
      const held = new Map<Uuid, number>([shop, bank, a, b, c].map((each) => [each, 0]));
      const of = (id: Uuid) => held.get(id) ?? 0;
      const change = (ids: Uuid[], by: number) => ids.forEach((id) => void held.set(id, of(id) + by));
      for (const { owner, take } of steps) {
        const { application, endpoint } = owner;
        const free = capacity - of(shop) - of(bank);
        const isFull = of(endpoint) >= free || of(application) >= 7 * free;
        const { endpoints, applications } = slots.full();
        expect(endpoints.includes(endpoint)).toBe(of(endpoint) > 0 && of(endpoint) >= free);
        expect(applications.includes(application)).toBe(of(application) > 0 && of(application) >= 7 * free);
        if (take) {
          expect(slots.take(application, endpoint)).toBe(!isFull);
          if (!isFull) change([application, endpoint], 1);
        } else if (of(endpoint) > 0) {
          slots.giveBack(application, endpoint);
          change([application, endpoint], -1);
        }
        expect([slots.taken, slots.free]).toEqual([of(shop) + of(bank), capacity - of(shop) - of(bank)]);
        expect(slots.free).toBeGreaterThanOrEqual(0);
      }
      for (const { application, endpoint } of OWNERS) {
        while (of(endpoint) > 0) {
          slots.giveBack(application, endpoint);
          change([endpoint], -1);
        }
      }
      expect([slots.taken, slots.full()]).toEqual([0, { endpoints: [], applications: [] }]);
    }),
  );
});

test('lanes of one application share what it may have', () => {
  const slots = new Slots(512);
  const lanes = Array.from({ length: 32 }, () => lane(shop));
  expect(slots.allot(lanes, 16)).toEqual(Array(32).fill(14));
  while (slots.free > 66) slots.occupy(shop, newId());
  expect(slots.allot(lanes, 16)).toEqual([1, 1, ...Array(30).fill(0)]);
});

test('a lane of another application gets its part beside any number of lanes of one', () => {
  const slots = new Slots(512);
  for (let n = 0; n < 440; n++) slots.occupy(shop, newId());
  const lanes = [...Array.from({ length: 31 }, () => lane(shop)), lane(bank), lane(null)];
  const places = slots.allot(lanes, 16);
  expect(places.slice(0, 31).reduce((sum, count) => sum + count, 0)).toBe(8);
  expect(places.slice(31)).toEqual([16, 16]);
});

test('whatever lanes there are, no more is promised than could be taken one after the other', () => {
  const owner = fc.constantFrom(shop, bank, null);
  const before = fc.array(fc.constantFrom(...OWNERS), { maxLength: 64 });
  fc.assert(
    fc.property(before, fc.array(owner, { maxLength: 32 }), fc.integer({ min: 1, max: 64 }), (held, owners, most) => {
      const slots = new Slots(64);
      for (const { application, endpoint } of held) slots.occupy(application, endpoint);
      const lanes = owners.map((each) => lane(each));
      slots.allot(lanes, most).forEach((count, n) => {
        const { application_id, endpoint_id } = lanes[n] ?? lane(null);
        expect(count).toBeLessThanOrEqual(most);
        for (let taken = 0; taken < count; taken++) {
          if (application_id) expect(slots.take(application_id, endpoint_id)).toBe(true);
          else slots.occupy(endpoint_id, endpoint_id);
        }
      });
      expect(slots.free).toBeGreaterThanOrEqual(0);
    }),
  );
});

test('an endpoint has no more than its ceiling, however many are free', () => {
  const most = new Map([[a, 3]]);
  const slots = new Slots(100, (endpoint) => most.get(endpoint) ?? Number.POSITIVE_INFINITY);
  expect(slots.allot([lane(shop, a), lane(shop, b)], 16)).toEqual([3, 16]);
  while (slots.take(shop, a));
  expect(slots.taken).toBe(3);
  const full = slots.full();
  expect(full).toEqual({ endpoints: [a], applications: [] });
  expect(slots.hasRoomForAny(full)).toBe(false);
  most.delete(a);
  expect(slots.hasRoomForAny(full)).toBe(true);
  expect(slots.allot([lane(shop, a)], 16)).toEqual([16]);
});

test('one that was full has room again once it, or another, gives places back', () => {
  const slots = new Slots(8);
  while (slots.take(shop, a));
  while (slots.take(bank, c));
  const full = slots.full();
  expect(full.endpoints).toEqual([a, c]);
  expect(slots.hasRoomForAny(full)).toBe(false);
  slots.giveBack(shop, a);
  slots.giveBack(shop, a);
  expect(slots.hasRoomForAny({ ...full, endpoints: [c] })).toBe(true);
});
