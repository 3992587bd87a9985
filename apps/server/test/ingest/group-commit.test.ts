import fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { GroupCommit, type GroupCommitOptions } from '../../src/group-commit.ts';

/** A group commit whose flushes are recorded and end when the test says so. */
function stage(options: Partial<GroupCommitOptions<string, string>> = {}) {
  const flushes: { batch: readonly string[]; end: () => void; fail: (error: Error) => void }[] = [];
  const commits = new GroupCommit<string, string>({
    flush: (batch) =>
      new Promise((resolve, reject) => {
        const end = () => resolve(batch.map((item) => `${item}!`));
        flushes.push({ batch, end, fail: reject });
        if (isFree) end();
      }),
    maxItems: 100,
    maxSize: 1_000,
    sizeOf: (item) => item.length,
    isItemFault: () => false,
    ...options,
  });
  let isFree = false;
  return {
    commits,
    flushes,
    batches: () => flushes.map(({ batch }) => batch),
    /** Ends all flushes, now and from now on. */
    letGo() {
      isFree = true;
      for (const flush of flushes) flush.end();
    },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('what is submitted in one tick goes together, and what comes during a flush goes in the next', async () => {
  const { commits, batches, letGo } = stage();
  const first = ['a', 'b'].map((item) => commits.submit(item));
  await turn();
  const second = ['c', 'd', 'e'].map((item) => commits.submit(item));
  await turn();
  expect(batches()).toEqual([['a', 'b']]);
  expect(commits.waiting).toBe(3);
  letGo();
  expect(await Promise.all([...first, ...second])).toEqual(['a!', 'b!', 'c!', 'd!', 'e!']);
  expect(batches()).toEqual([
    ['a', 'b'],
    ['c', 'd', 'e'],
  ]);
});

test('an item at rest goes alone, again and again', async () => {
  const { commits, batches, letGo } = stage();
  letGo();
  for (const item of ['a', 'b', 'c']) expect(await commits.submit(item)).toBe(`${item}!`);
  expect(batches()).toEqual([['a'], ['b'], ['c']]);
});

test('with a pause, what comes within it goes together; what comes after a rest, and a full batch, at once', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { commits, batches, letGo } = stage({ pauseMs: 5, maxItems: 3 });
  letGo();
  const submit = async (items: string) => {
    const submitted = [...items].map((item) => commits.submit(item));
    await turn();
    return Promise.all(submitted);
  };
  await submit('a');
  const second = submit('b');
  await vi.advanceTimersByTimeAsync(4);
  const third = submit('c');
  expect(batches()).toEqual([['a']]);
  await vi.advanceTimersByTimeAsync(1);
  expect(await Promise.all([second, third])).toEqual([['b!'], ['c!']]);
  await vi.advanceTimersByTimeAsync(5);
  await submit('d');
  await submit('efg');
  expect(batches()).toEqual([['a'], ['b', 'c'], ['d'], ['e', 'f', 'g']]);
});

test('batches keep within both limits, in order, and an item that is too large goes alone', async () => {
  const limits = fc.record({ maxItems: fc.integer({ min: 1, max: 5 }), maxSize: fc.integer({ min: 1, max: 12 }) });
  const items = fc.array(fc.string({ minLength: 1, maxLength: 15 }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(limits, items, async ({ maxItems, maxSize }, submitted) => {
      const { commits, batches, letGo } = stage({ maxItems, maxSize });
      letGo();
      const results = await Promise.all(submitted.map((item) => commits.submit(item)));
      expect(results).toEqual(submitted.map((item) => `${item}!`));
      expect(batches().flat()).toEqual(submitted);
      for (const batch of batches()) {
        expect(batch.length).toBeLessThanOrEqual(maxItems);
        if (batch.length > 1) expect(batch.join('').length).toBeLessThanOrEqual(maxSize);
      }
    }),
    { numRuns: 50 },
  );
});

test('where one item may be to blame, each is tried alone and only the bad one fails', async () => {
  const seen: (readonly string[])[] = [];
  const commits = new GroupCommit<string, string>({
    flush: async (batch) => {
      seen.push(batch);
      if (batch.includes('bad')) throw new Error('refused');
      return batch.map((item) => `${item}!`);
    },
    maxItems: 10,
    maxSize: 1_000,
    sizeOf: () => 1,
    isItemFault: () => true,
  });
  const results = await Promise.allSettled(['a', 'bad', 'c'].map((item) => commits.submit(item)));
  expect(results.map((result) => (result.status === 'fulfilled' ? result.value : 'failed'))).toEqual([
    'a!',
    'failed',
    'c!',
  ]);
  expect(seen).toEqual([['a', 'bad', 'c'], ['a'], ['bad'], ['c']]);
  // And goes on.
  expect(await commits.submit('d')).toBe('d!');
});

test('where everything would fail the same way, all fail at once and nothing is tried again', async () => {
  const { commits, flushes, letGo } = stage();
  const submitted = Promise.allSettled(['a', 'b', 'c'].map((item) => commits.submit(item)));
  await turn();
  flushes[0]?.fail(new Error('down'));
  expect((await submitted).map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(flushes).toHaveLength(1);
  letGo();
  expect(await commits.submit('d')).toBe('d!');
});

test('a flush that throws before it begins is a failed flush', async () => {
  const { commits } = stage({
    flush: () => {
      throw new Error('at once');
    },
  });
  await expect(commits.submit('a')).rejects.toThrow('at once');
  await commits.idle();
});

test('idle waits for what is under way and what waits behind it, failed or not', async () => {
  const { commits, flushes } = stage();
  const outcomes: string[] = [];
  void commits.submit('a').then(() => outcomes.push('a'));
  await turn();
  commits.submit('b').catch(() => outcomes.push('b failed'));
  let isIdle = false;
  const idle = commits.idle().then(() => {
    isIdle = true;
  });
  flushes[0]?.end();
  await turn();
  expect([isIdle, outcomes]).toEqual([false, ['a']]);
  flushes[1]?.fail(new Error('down'));
  await idle;
  expect(outcomes).toEqual(['a', 'b failed']);
  // With nothing under way it is idle at once.
  await commits.idle();
});
