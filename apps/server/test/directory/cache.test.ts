import { expect, test } from 'vitest';
import { Cache } from '../../src/directory/cache.ts';

/** A load that the test ends. */
function pending() {
  let end: (value: { n: number } | null) => void = () => {};
  let fail: (error: Error) => void = () => {};
  const promise = new Promise<{ n: number } | null>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  return { load: () => promise, end, fail };
}
const never = () => Promise.reject(new Error('loaded again'));

test('a value is loaded once for all who ask meanwhile, and then remembered', async () => {
  const cache = new Cache<{ n: number }>(10);
  const { load, end } = pending();
  const asked = [cache.get('a', load), cache.get('a', never), cache.get('a', never)];
  end({ n: 1 });
  expect(await Promise.all(asked)).toEqual([{ n: 1 }, { n: 1 }, { n: 1 }]);
  expect(await cache.get('a', never)).toEqual({ n: 1 });
});

test('that there is nothing is not remembered', async () => {
  const cache = new Cache<{ n: number }>(10);
  expect(await cache.get('a', async () => null)).toBeNull();
  expect(await cache.get('a', async () => ({ n: 1 }))).toEqual({ n: 1 });
});

test.each(['forget', 'clear'] as const)('what is forgotten while it loads is not kept (%s)', async (how) => {
  const cache = new Cache<{ n: number }>(10);
  const [old, fresh] = [pending(), pending()];
  const first = cache.get('a', old.load);
  if (how === 'forget') cache.forget('a');
  else cache.clear();
  // Who asks now does not get the old load either.
  const second = cache.get('a', fresh.load);
  fresh.end({ n: 2 });
  expect(await second).toEqual({ n: 2 });
  old.end({ n: 1 });
  expect(await first).toEqual({ n: 1 });
  expect(await cache.get('a', never)).toEqual({ n: 2 });
});

test('an old load that ends amid a new one does not end it', async () => {
  const cache = new Cache<{ n: number }>(10);
  const [old, fresh] = [pending(), pending()];
  const first = cache.get('a', old.load);
  cache.forget('a');
  const second = cache.get('a', fresh.load);
  old.fail(new Error('down'));
  await expect(first).rejects.toThrow('down');
  const third = cache.get('a', never);
  fresh.end({ n: 2 });
  expect(await Promise.all([second, third])).toEqual([{ n: 2 }, { n: 2 }]);
});

test('a load that fails fails for all who wait, and is tried again by the next', async () => {
  const cache = new Cache<{ n: number }>(10);
  const { load, fail } = pending();
  const asked = Promise.allSettled([cache.get('a', load), cache.get('a', never)]);
  fail(new Error('down'));
  expect((await asked).map((each) => each.status)).toEqual(['rejected', 'rejected']);
  expect(await cache.get('a', async () => ({ n: 3 }))).toEqual({ n: 3 });
});

test('it holds no more than it may, and drops what was used longest ago', async () => {
  const cache = new Cache<{ n: number }>(2);
  for (const [n, id] of ['a', 'b'].entries()) await cache.get(id, async () => ({ n }));
  await cache.get('a', never);
  await cache.get('c', async () => ({ n: 9 }));
  expect(await cache.get('a', never)).toEqual({ n: 0 });
  expect(await cache.get('b', async () => ({ n: 7 }))).toEqual({ n: 7 });
});

test('it holds no more than it may of what has a size', async () => {
  const cache = new Cache<{ n: number }>(10, ({ n }) => n);
  for (const [id, n] of Object.entries({ a: 4, b: 4, c: 4 })) await cache.get(id, async () => ({ n }));
  expect(['a', 'b', 'c'].map((id) => cache.peek(id)?.n)).toEqual([undefined, 4, 4]);
});

test('what is forgotten by what it is leaves the rest, but nothing that is being read', async () => {
  const cache = new Cache<{ n: number }>(10);
  for (const n of [1, 2]) await cache.get(`kept ${n}`, async () => ({ n }));
  const { load, end } = pending();
  const asked = cache.get('under way', load);
  cache.forgetWhere(({ n }) => n === 1);
  end({ n: 2 });
  expect(await asked).toEqual({ n: 2 });
  expect([cache.peek('kept 1'), cache.peek('kept 2'), cache.peek('under way')]).toEqual([
    undefined,
    { n: 2 },
    undefined,
  ]);
});
