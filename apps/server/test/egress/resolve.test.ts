import { startReceiver } from '@postrider/receiver';
import { describe, expect, test } from 'vitest';
import { type Resolve, sharedResolve } from '../../src/egress/resolve.ts';
import { client, LAX, resolving, stageDial } from './stage.ts';

const ADDRESS = [{ address: '8.8.8.8', family: 4 }];
const never = new Promise<never>(() => {});

/** What libuv lets go at once, with the 16 threads of scripts/launch.mjs. */
const LIBUV_PLACES = 8;

/**
 * Names of `evil….net` are never answered, all others as soon as there is a thread for them. `asked` has those that got one,
 * in their order.
 */
function halfSilent(asked: string[] = []): Resolve {
  let free = LIBUV_PLACES;
  const queue: (() => void)[] = [];
  return async (hostname) => {
    if (free === 0) await new Promise<void>((resolve) => queue.push(resolve));
    else free--;
    asked.push(hostname);
    if (/\bevil\w*\.net$/.test(hostname)) return never;
    const next = queue.shift();
    if (next) next();
    else free++;
    return ADDRESS;
  };
}

const evil = (count: number) => Array.from({ length: count }, (_, n) => `s${n}.evil.net`);

/** Whoever waits for them hears of it when the deadline passes. */
function waitFor(resolve: Resolve, names: readonly string[]) {
  const deadline = new AbortController();
  const outcomes = Promise.allSettled(names.map((name) => resolve(name, deadline.signal)));
  return {
    async pass() {
      deadline.abort(new Error('too late'));
      return outcomes;
    },
  };
}

describe('with hundreds of silent names before it', () => {
  test('another name is answered at once', async () => {
    const asked: string[] = [];
    const resolve = sharedResolve(halfSilent(asked));
    const silent = waitFor(resolve, evil(450));
    expect(await resolve('hook.example.com')).toEqual(ADDRESS);
    expect(asked).toEqual(['s0.evil.net', 'hook.example.com']);
    await silent.pass();
  });

  test('so are many hosts of one parent, which wait for each other', async () => {
    const resolve = sharedResolve(halfSilent());
    const silent = waitFor(resolve, evil(450));
    const names = Array.from({ length: 200 }, (_, n) => `customer${n}.vercel.app`);
    const answers = await Promise.all(names.map((name) => resolve(name)));
    expect(answers).toEqual(names.map(() => ADDRESS));
    await silent.pass();
  });

  test('those that waited have left the queue at their deadline: none is looked up later', async () => {
    const asked: string[] = [];
    const first = Promise.withResolvers<typeof ADDRESS>();
    const resolve = sharedResolve((hostname) => {
      asked.push(hostname);
      return hostname === 's0.evil.net' ? first.promise : resolving('8.8.8.8')();
    });
    const outcomes = await waitFor(resolve, evil(450)).pass();
    expect(outcomes.every((each) => each.status === 'rejected' && each.reason.message === 'too late')).toBe(true);
    first.resolve(ADDRESS);
    await resolve('another.evil.net');
    expect(asked).toEqual(['s0.evil.net', 'another.evil.net']);
  });
});

test('one that gives up does not take the look-up from others who wait for the name, in the queue or out of it', async () => {
  const asked: string[] = [];
  const first = Promise.withResolvers<typeof ADDRESS>();
  const resolve = sharedResolve((hostname) => {
    asked.push(hostname);
    return first.promise;
  });
  const names = ['a.example.com', 'b.example.com'];
  const patient = Promise.all(names.map((name) => resolve(name)));
  await waitFor(resolve, names).pass();
  first.resolve(ADDRESS);
  expect(await patient).toEqual([ADDRESS, ADDRESS]);
  expect(asked).toEqual(names);
});

test('a look-up that everybody gave up on is still the one that the next who asks waits for', async () => {
  const asked: string[] = [];
  const first = Promise.withResolvers<typeof ADDRESS>();
  const resolve = sharedResolve((hostname) => {
    asked.push(hostname);
    return first.promise;
  });
  await waitFor(resolve, ['hook.example.com']).pass();
  const next = resolve('hook.example.com');
  first.resolve(ADDRESS);
  expect(await next).toEqual(ADDRESS);
  expect(asked).toEqual(['hook.example.com']);
});

test('a look-up that fails is over, and the next one is a new one', async () => {
  const answers: Resolve[] = [() => Promise.reject(new Error('no such name')), resolving('8.8.8.8')];
  const resolve = sharedResolve((hostname) => answers.shift()?.(hostname) ?? never);
  await expect(resolve('hook.example.com')).rejects.toMatchObject({ code: 'dns_failed' });
  expect(await resolve('hook.example.com')).toEqual(ADDRESS);
});

test('a literal has no place to wait for', async () => {
  const resolve = sharedResolve(halfSilent());
  const silent = waitFor(
    resolve,
    [...'abcdefgh'].map((letter) => `evil${letter}.net`),
  );
  expect(await resolve('8.8.8.8')).toEqual(ADDRESS);
  await silent.pass();
});

test('what is shared already keeps its one queue', () => {
  const resolve = sharedResolve(halfSilent());
  expect(sharedResolve(resolve)).toBe(resolve);
});

test('a webhook is sent while hundreds to silent names wait, and those end in dns_timeout', async () => {
  const receiver = await startReceiver();
  await using stage = client({
    policy: LAX,
    resolve: halfSilent(),
    dial: stageDial(receiver.port),
    connectTimeoutMs: 1_000,
  });
  const silent = evil(300).map((name) => stage.send(`http://${name}/ok`));
  expect(await stage.send('http://hook.example.com/ok')).toMatchObject({ kind: 'response', status: 200 });
  const codes = (await Promise.all(silent)).map((each) => each.kind === 'error' && each.code);
  expect(new Set(codes)).toEqual(new Set(['dns_timeout']));
  await receiver.close();
});
