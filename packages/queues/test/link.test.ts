import { expect, test } from 'vitest';
import { QueueError } from '../src/index.ts';
import { Link } from '../src/link.ts';

function stage() {
  const shut: number[] = [];
  let opened = 0;
  const broker = { isUp: true };
  const link = new Link<{ n: number }>({
    async open() {
      if (!broker.isUp) throw new Error('down');
      return { n: ++opened };
    },
    shut: ({ n }) => void shut.push(n),
    toError: (error) => (error instanceof QueueError ? error : new QueueError('unreachable', String(error))),
  });
  return { link, shut, broker };
}

test('calls share one connection', async () => {
  const { link } = stage();
  const numbers = await Promise.all([1, 2, 3].map(() => link.call(async ({ n }) => n)));
  expect(numbers).toEqual([1, 1, 1]);
});

test('a connection that broke is let go of, and the next call opens another', async () => {
  const { link, shut } = stage();
  const first = await link.get();
  await link.drop(first);
  expect(await link.call(async ({ n }) => n)).toBe(2);
  // Said twice, it does not take the new one.
  await link.drop(first);
  expect(await link.call(async ({ n }) => n)).toBe(2);
  expect(shut).toEqual([1]);
});

test('a broker that is away is asked anew by each call', async () => {
  const { link, broker } = stage();
  broker.isUp = false;
  await expect(link.get()).rejects.toMatchObject({ code: 'unreachable' });
  broker.isUp = true;
  expect(await link.call(async ({ n }) => n)).toBe(1);
});

test('a call that gets no answer ends, and takes the connection with it', async () => {
  const { link, shut } = stage();
  await expect(link.call(() => new Promise(() => {}), 20)).rejects.toMatchObject({ code: 'unreachable' });
  expect(shut).toEqual([1]);
  expect(await link.call(async ({ n }) => n)).toBe(2);
});

test('a closed link opens nothing', async () => {
  const { link, shut } = stage();
  await link.get();
  await link.close();
  expect(shut).toEqual([1]);
  await expect(link.get()).rejects.toMatchObject({ code: 'unreachable' });
});
