import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GroupGate } from '../src/group-gate.ts';

interface Message {
  readonly id: string;
  readonly group: string | null;
}

const byNumber = (a: Message, b: Message) => Number(a.id) - Number(b.id);

function gateWith(...messages: [id: string, group: string | null][]) {
  const gate = new GroupGate<Message>();
  for (const [id, group] of messages) gate.add({ id, group });
  return gate;
}

const ids = (messages: Iterable<Message>) => [...messages].map(({ id }) => id);

test('of a group comes one message at a time, of no group as many as there are', () => {
  const gate = gateWith(['1', 'a'], ['2', 'a'], ['3', null], ['4', null], ['5', 'b']);
  const taken = gate.take(10, 0);
  expect(ids(taken)).toEqual(['1', '3', '4', '5']);
  expect(gate.take(10, 0)).toEqual([]);
  for (const message of taken) gate.ack(message);
  expect(ids(gate.take(10, 0))).toEqual(['2']);
});

test('a nacked message comes before those that follow it, as soon as it has come again', () => {
  const gate = gateWith(['1', 'a'], ['2', 'a']);
  for (const message of gate.take(1, 0)) gate.nack(message);
  expect(gate.awaited).toBe(1);
  expect(gate.take(10, 0)).toEqual([]);
  gate.add({ id: '3', group: 'a' });
  gate.add({ id: '1', group: 'a' });
  expect(gate.awaited).toBe(0);
  const [again] = gate.take(10, 0);
  expect(again?.id).toBe('1');
  if (again) gate.ack(again);
  expect(ids(gate.take(10, 0))).toEqual(['2']);
});

test('a nacked message that does not come in time has gone to another, and its group goes on', () => {
  const gate = gateWith(['1', 'a'], ['2', 'a']);
  for (const message of gate.take(1, 0)) gate.nack(message, 100);
  expect(gate.take(10, 99)).toEqual([]);
  expect(ids(gate.take(10, 100))).toEqual(['2']);
});

test('a nacked message without a group keeps nobody', () => {
  const gate = gateWith(['1', null]);
  for (const message of gate.take(1, 0)) gate.nack(message);
  expect(gate.awaited).toBe(0);
});

test('a message that is received twice is handed out as it came last', () => {
  const gate = gateWith(['1', 'a'], ['2', 'a']);
  const [first] = gate.take(1, 0);
  const again = { id: '1', group: 'a' };
  gate.add(again);
  gate.add({ id: '2', group: 'a' });
  expect(gate.untaken).toBe(2);
  expect(gate.take(10, 0)[0]).toBe(again);
  expect(first).not.toBe(again);
});

test('a message that comes late finds its place by the order of the broker', () => {
  const gate = new GroupGate<Message>(byNumber);
  for (const id of ['2', '5', '3']) gate.add({ id, group: 'a' });
  expect(ids(gate.waiting())).toEqual(['2', '3', '5']);
});

test('what is taken out or cleared leaves nothing behind', () => {
  const gate = gateWith(['1', 'a'], ['2', 'a']);
  for (const message of [...gate.waiting()]) gate.remove(message);
  expect([gate.untaken, gate.take(10, 0)]).toEqual([0, []]);
  gate.add({ id: '3', group: 'a' });
  gate.take(1, 0);
  gate.add({ id: '4', group: 'a' });
  gate.clear();
  gate.add({ id: '5', group: 'a' });
  expect(ids(gate.take(10, 0))).toEqual(['5']);
});

test('groups take turns: a long one does not keep the others', () => {
  const gate = gateWith(['1', 'a'], ['2', 'a'], ['3', 'a'], ['4', 'b']);
  const order: string[] = [];
  for (let n = 0; n < 4; n++) {
    for (const message of gate.take(1, 0)) {
      order.push(message.id);
      gate.ack(message);
    }
  }
  expect(order).toEqual(['1', '4', '2', '3']);
});

test('whatever is received, acked and nacked when: per group the order of acks is the order of publishing', () => {
  const step = fc.record({ act: fc.constantFrom('receive', 'take', 'ack', 'nack'), n: fc.nat(20) });
  const group = fc.constantFrom('a', 'b', 'c', null);
  fc.assert(
    fc.property(fc.array(group, { maxLength: 40 }), fc.array(step, { maxLength: 200 }), (groups, steps) => {
      const published: Message[] = groups.map((each, n) => ({ id: String(n), group: each }));
      // A broker that gives what came back before what is new.
      const atBroker = [...published];
      const cameBack: Message[] = [];
      const gate = new GroupGate<Message>();
      const inHand: Message[] = [];
      const acked: Message[] = [];
      const act = {
        receive(n: number) {
          for (let each = 0; each <= n; each++) {
            const next = cameBack.shift() ?? atBroker.shift();
            // Always a new object, as from a socket.
            if (next) gate.add({ ...next });
          }
        },
        take(n: number) {
          inHand.push(...gate.take(n, 0));
          const grouped = inHand.flatMap((each) => each.group ?? []);
          expect(new Set(grouped).size).toBe(grouped.length);
        },
        ack(n: number) {
          for (const message of inHand.splice(n % (inHand.length || 1), 1)) {
            acked.push(message);
            gate.ack(message);
          }
        },
        nack(n: number) {
          for (const message of inHand.splice(n % (inHand.length || 1), 1)) {
            cameBack.push(message);
            gate.nack(message);
          }
        },
      };
      for (const { act: name, n } of steps) act[name](n);
      while (acked.length < published.length) {
        const before = acked.length;
        act.receive(100);
        act.take(100);
        while (inHand.length > 0) act.ack(0);
        // Stuck: something was lost.
        expect(acked.length).toBeGreaterThan(before);
      }
      for (const each of ['a', 'b', 'c']) {
        const of = (messages: Message[]) => ids(messages.filter((message) => message.group === each));
        expect(of(acked)).toEqual(of(published));
      }
      expect(new Set(ids(acked)).size).toBe(published.length);
      expect([gate.untaken, gate.awaited]).toEqual([0, 0]);
    }),
  );
});
