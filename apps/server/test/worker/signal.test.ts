import { expect, test } from 'vitest';
import { Signal } from '../../src/delivery/signal.ts';
import { repeating } from '../../src/service.ts';

const FOREVER = 2 ** 31 - 1;

test('a signal ends the wait that it meets, and the next one where it meets none', async () => {
  const signal = new Signal();
  const waiting = signal.wait(FOREVER);
  signal.fire();
  await waiting;
  signal.fire();
  signal.fire();
  await signal.wait(FOREVER);
  // Two in one are one: this wait ends by its time.
  await signal.wait(1);
});

test('a repeated work never overlaps itself, outlives its failures, and ends with its last run', async () => {
  let [running, runs, most] = [0, 0, 0];
  const errors: unknown[] = [];
  let reached: () => void = () => {};
  const third = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const service = repeating(
    0,
    async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      if (++runs === 3) reached();
      if (runs % 2) throw new Error('odd');
    },
    (error) => errors.push(error),
  );
  service.start();
  await third;
  await service.stop();
  const [at, seen] = [runs, errors.length];
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect([most, running, runs, errors.length]).toEqual([1, 0, at, seen]);
  expect(errors.length).toBe(Math.ceil(at / 2));
});

test('a repeated work comes again at once where there is more of it, or where it is woken', async () => {
  let runs = 0;
  let reached: () => void = () => {};
  const reach = (count: number) =>
    new Promise<void>((resolve) => {
      reached = () => runs === count && resolve();
    });
  const service = repeating(
    FOREVER,
    async () => {
      runs++;
      reached();
      // In the middle of the third run somebody has something to do.
      if (runs === 3) service.wake();
      return runs === 1;
    },
    () => {},
  );
  const second = reach(2);
  service.start();
  await second;
  const fourth = reach(4);
  // The second has ended by the next turn of the loop, and waits.
  await new Promise((resolve) => setImmediate(resolve));
  service.wake();
  await fourth;
  await service.stop();
  service.wake();
  expect(runs).toBe(4);
});
