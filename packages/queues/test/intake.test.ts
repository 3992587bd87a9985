import { afterEach, expect, test } from 'vitest';
import { Intake } from '../src/intake.ts';
import type { IncomingMessage } from '../src/port.ts';

const LEASE_MS = 60_000;
const MAX_IN_HAND_MS = 900_000;

const open: Intake<IncomingMessage>[] = [];
afterEach(async () => {
  for (const intake of open.splice(0)) await intake.close();
});

const message = (id: string, group: string | null = null, deliveryCount = 1): IncomingMessage => ({
  id,
  group,
  body: Buffer.from(id),
  headers: {},
  deliveryCount,
});

/** An intake over a broker that writes down what it is asked, at a time that is told. */
function stage() {
  const asked: string[] = [];
  const clock = { now: 0 };
  const broker = { fetch: async (): Promise<void> => {} };
  const say = (what: string, messages: readonly IncomingMessage[]) =>
    void asked.push(`${what} ${messages.map(({ id }) => id)}`);
  const intake: Intake<IncomingMessage> = new Intake(
    {
      fetch: () => broker.fetch(),
      extend: async (messages) => say('extend', messages),
      giveBack: async ({ taken, untaken }) => {
        say('back taken', taken);
        say('back untaken', untaken);
      },
      again: async (messages) => say('again', messages),
    },
    { leaseMs: LEASE_MS, maxInHandMs: MAX_IN_HAND_MS, now: () => clock.now },
  );
  open.push(intake);
  return { intake, asked, clock, broker };
}

const now = { max: 10, waitMs: 0 };
const ids = (messages: IncomingMessage[]) => messages.map(({ id }) => id);

test('a receiver that waits hears of what comes, and of a group that goes on', async () => {
  const { intake, broker } = stage();
  broker.fetch = () => new Promise(() => {});
  const first = intake.receive({ max: 10, waitMs: 60_000 });
  intake.add(message('1', 'a'));
  intake.add(message('2', 'a'));
  const got = await first;
  expect(ids(got)).toEqual(['1']);
  const second = intake.receive({ max: 10, waitMs: 60_000 });
  intake.acked(intake.held(got));
  expect(ids(await second)).toEqual(['2']);
  broker.fetch = async () => {};
  open.splice(0);
});

test('a receiver with no time asks the broker once, and hears of its refusal', async () => {
  const { intake, broker } = stage();
  let fetches = 0;
  broker.fetch = async () => void fetches++;
  expect(await intake.receive(now)).toEqual([]);
  expect(fetches).toBe(1);
  broker.fetch = async () => {
    throw new Error('away');
  };
  await expect(intake.receive(now)).rejects.toThrow('away');
});

test('a receiver that waits while it is closed hears of that, and keeps nobody from closing', async () => {
  const { intake, broker } = stage();
  // As one that is told that nobody wants it any longer.
  broker.fetch = async () => {};
  const waiting = expect(intake.receive({ max: 1, waitMs: 60_000 })).rejects.toMatchObject({ code: 'unreachable' });
  await intake.close();
  await waiting;
  await expect(intake.receive({ max: 1, waitMs: 60_000 })).rejects.toMatchObject({ code: 'unreachable' });
});

test('all that is here is kept alive: in hand, behind it, and nacked', async () => {
  const { intake, asked } = stage();
  for (const each of [message('1', 'a'), message('2', 'a'), message('3')]) intake.add(each);
  const got = await intake.receive(now);
  await intake.nacked(intake.held(got.filter(({ id }) => id === '3')), 1_000_000);
  await intake.tick();
  expect(asked).toEqual(['extend 1,3,2']);
});

test('what is in hand too long goes back, and its group waits for it', async () => {
  const { intake, asked, clock } = stage();
  intake.add(message('1', 'a'));
  intake.add(message('2', 'a'));
  const got = await intake.receive(now);
  clock.now = MAX_IN_HAND_MS + 1;
  expect(await intake.receive(now)).toEqual([]);
  await intake.tick();
  expect(asked).toEqual(['back taken 1', 'back untaken ', 'extend 2']);
  expect(intake.held(got)).toEqual([]);
  intake.add(message('1', 'a', 2));
  expect(ids(await intake.receive(now))).toEqual(['1']);
});

test('what was received and nobody asks for goes back', async () => {
  const { intake, asked, clock } = stage();
  intake.add(message('1', 'a'));
  intake.add(message('2', 'a'));
  clock.now = LEASE_MS + 1;
  await intake.tick();
  expect(asked).toEqual(['back taken ', 'back untaken 1,2']);
  expect(await intake.receive(now)).toEqual([]);
});

test('a message whose ack was lost is not kept alive, and can be acked once more', async () => {
  const { intake, asked } = stage();
  intake.add(message('1', 'a'));
  intake.add(message('2', 'a'));
  const mine = intake.held(await intake.receive(now));
  intake.letGo(mine);
  await intake.tick();
  expect(asked).toEqual(['extend 2']);
  expect(await intake.receive(now)).toEqual([]);
  intake.acked(intake.held(mine));
  expect(ids(await intake.receive(now))).toEqual(['2']);
});

test('an older copy of a message that came again counts for nothing', async () => {
  const { intake } = stage();
  intake.add(message('1'));
  const old = await intake.receive(now);
  intake.add(message('1', null, 2));
  const fresh = await intake.receive(now);
  expect(intake.held(old)).toEqual([]);
  expect(intake.held(fresh)).toEqual(fresh);
});

test('closing gives everything back, and says what was never in hand', async () => {
  const { intake, asked } = stage();
  for (const each of [message('1', 'a'), message('2', 'a')]) intake.add(each);
  await intake.receive(now);
  await intake.close();
  expect(asked).toEqual(['back taken 1', 'back untaken 2']);
});

test('knows nothing more of what it is told to forget: in hand, delayed or waiting for its turn', async () => {
  const { intake, asked } = stage();
  for (const id of ['a1', 'a2', 'b1', 'b2', 'c1']) intake.add(message(id, id.charAt(0)));
  const [a1, b1, c1] = await intake.receive(now);
  if (!a1 || !b1 || !c1) throw new Error('not received');
  await intake.nacked([b1], 60_000);
  intake.forget(({ group }) => group !== 'c');
  expect(ids(intake.held([a1, b1, c1]))).toEqual(['c1']);
  expect(await intake.receive(now)).toEqual([]);
  // Its groups are open again.
  for (const id of ['a3', 'b3']) intake.add(message(id, id.charAt(0)));
  expect(ids(await intake.receive(now))).toEqual(['a3', 'b3']);
  expect(asked).toEqual([]);
});
