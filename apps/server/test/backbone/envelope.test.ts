import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Departure, MAX_DELIVERIES, pack, unpack } from '../../src/backbone/envelope.ts';
import { newDeliveryId, newId } from '../../src/core/ids.ts';
import type { LeasedDelivery } from '../../src/store/lease.ts';

const environmentId = newId();
const applicationId = newId();

function departuresOf(payload: string, fanout: number, startBy = 1_000): Departure[] {
  const messageId = newId();
  return Array.from({ length: fanout }, () => ({ startBy, delivery: deliveryOf(messageId, payload) }));
}

function deliveryOf(messageId: LeasedDelivery['messageId'], payload: string): LeasedDelivery {
  return {
    ...{ id: newDeliveryId(messageId), messageId, environmentId, applicationId, endpointId: newId() },
    ...{
      eventType: 'a.b',
      trigger: 'scheduled',
      attemptCount: 0,
      lease: 1,
      payload,
      eventId: 'é',
      headers: { a: 'b' },
    },
    ...{ isProbe: false, isCounted: false },
  };
}

const opened = (body: string) => unpack(Buffer.from(body));

describe('an envelope', () => {
  test('brings what was put into it, whatever that is, in order and none of it twice', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ unit: 'binary', maxLength: 300 }), fc.integer({ min: 1, max: 80 })), {
          minLength: 1,
          maxLength: 20,
        }),
        (messages) => {
          const departures = messages.flatMap(([payload, fanout]) => departuresOf(payload, fanout));
          const { envelopes, tooLarge } = pack(departures, 4_096);
          expect(tooLarge).toEqual([]);
          const arrived = envelopes.flatMap(({ body, departures: inside }) => {
            expect(Buffer.byteLength(body)).toBeLessThanOrEqual(4_096);
            expect(inside.length).toBeLessThanOrEqual(MAX_DELIVERIES);
            return opened(body)?.deliveries ?? [];
          });
          expect(arrived).toEqual(departures.map(({ delivery }) => delivery));
        },
      ),
      { numRuns: 200 },
    );
  });

  test('has a message once, however many deliveries it has', () => {
    const { envelopes } = pack(departuresOf('only once', 5), 100_000);
    expect(envelopes).toHaveLength(1);
    expect(envelopes[0]?.body.split('only once')).toHaveLength(2);
  });

  test('is to be opened before any of its leases is too short', () => {
    const departures = [...departuresOf('{}', 1, 3_000.7), ...departuresOf('{}', 1, 2_000.7)];
    expect(opened(pack(departures, 100_000).envelopes[0]?.body ?? '')?.startBy).toBe(2_000);
  });

  test('leaves out what fits into none, and nothing else', () => {
    const [small, large] = [departuresOf('{}', 2), departuresOf('x'.repeat(5_000), 3)];
    const { envelopes, tooLarge } = pack([...small, ...large, ...small], 4_096);
    expect(tooLarge).toEqual(large);
    expect(envelopes.flatMap(({ departures }) => departures)).toEqual([...small, ...small]);
  });

  test('of another version is none of ours', () => {
    expect(opened('{"version":2,"start_by":1,"messages":[]}')).toBeNull();
  });
});
