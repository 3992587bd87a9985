import { expect, test } from 'vitest';
import { holdOf, type Waiting } from '../../src/core/hold.ts';
import { newId } from '../../src/core/ids.ts';

const now = new Date(1_000_000);
const past = new Date(999_000);
const future = new Date(1_005_000);
const [id, head] = [newId(), newId()];
const waiting: Waiting = {
  ...{ id, dueAt: past, attemptCount: 0, endpointStatus: 'active', circuit: 'closed', isFifo: false, headId: null },
  ...{ maxInFlight: null, inFlight: 0, heldBy: null, heldUntil: null },
};

test.each<[string, Partial<Waiting>, string | null, Date | null, string | null]>([
  ['nothing in its way', {}, null, null, null],
  ['only its own schedule', { dueAt: future, heldBy: 'rate_limit', heldUntil: future }, null, null, null],
  ['a pause', { endpointStatus: 'paused' }, 'paused', null, null],
  [
    'a pause, whatever else there is',
    { endpointStatus: 'paused', circuit: 'open', isFifo: true },
    'paused',
    null,
    null,
  ],
  ['an open circuit', { circuit: 'open', heldBy: 'circuit_open', heldUntil: future }, 'circuit_open', future, null],
  ['a probe that is out', { circuit: 'half_open', heldUntil: future }, 'circuit_open', future, null],
  ['a circuit about to be probed', { circuit: 'open', heldUntil: past }, 'circuit_open', null, null],
  ['a rate', { heldBy: 'rate_limit', heldUntil: future }, 'rate_limit', future, null],
  ['a rate whose hold is over', { heldBy: 'rate_limit', heldUntil: past }, null, null, null],
  ['every place taken', { maxInFlight: 2, inFlight: 2 }, 'rate_limit', null, null],
  ['a place free', { maxInFlight: 2, inFlight: 1 }, null, null, null],
  ['an older message', { isFifo: true, headId: head, inFlight: 1 }, 'fifo', null, head],
  ['its own time, at a fifo endpoint', { isFifo: true, headId: head, dueAt: future }, null, null, null],
  [
    'an older message, and its own next retry',
    { isFifo: true, headId: head, attemptCount: 1, dueAt: future },
    'fifo',
    null,
    head,
  ],
  [
    'an older message, and a rate',
    { isFifo: true, headId: head, heldBy: 'rate_limit', heldUntil: future },
    'fifo',
    null,
    head,
  ],
  ['what was in flight before it had an order', { isFifo: true, headId: null, inFlight: 3 }, 'fifo', null, null],
  ['its turn', { isFifo: true, headId: id }, null, null, null],
  [
    'its turn, at a rate',
    { isFifo: true, headId: id, heldBy: 'rate_limit', heldUntil: future },
    'rate_limit',
    future,
    null,
  ],
  ['an endpoint that is switched off', { endpointStatus: 'disabled', circuit: 'open' }, null, null, null],
])('with %s', (_, state, heldBy, heldUntil, waitsFor) => {
  expect(holdOf({ ...waiting, ...state }, now)).toEqual({ heldBy, heldUntil, waitsFor });
});
