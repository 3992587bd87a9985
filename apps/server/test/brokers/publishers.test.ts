import { MemoryBroker, MemoryQueue, type OutgoingMessage } from '@postrider/queues';
import { describe, expect, test } from 'vitest';
import { Publishers } from '../../src/brokers/publishers.ts';
import { STRICT } from '../egress/stage.ts';

/** Queues in memory, whose publishing ends when the test says so. */
function stage(options: { maxOpen?: number } = {}) {
  const opened: string[] = [];
  const closed: string[] = [];
  const waiting: (() => void)[] = [];
  let isHeld = false;
  const publishers = new Publishers(
    { policy: STRICT },
    {
      ...options,
      open: async ({ id, config }) => {
        const name = `${id} ${config.password}`;
        opened.push(name);
        if (config.password === 'broken') throw new Error('cannot be opened');
        return new (class extends MemoryQueue {
          override async publish(messages: readonly OutgoingMessage[]) {
            if (isHeld) await new Promise<void>((resolve) => waiting.push(resolve));
            return super.publish(messages);
          }
          override async close() {
            closed.push(name);
          }
        })(new MemoryBroker(), 'q');
      },
    },
  );
  return {
    ...{ publishers, opened, closed },
    publish: (id: string, password: string) =>
      publishers.publish({ id, type: 'redis', config: { password } }, { body: '' }),
    hold: () => {
      isHeld = true;
    },
    release: () => {
      isHeld = false;
      for (const resolve of waiting.splice(0)) resolve();
    },
    async [Symbol.asyncDispose]() {
      await publishers.close();
    },
  };
}

describe('connections to brokers', () => {
  test('are made once for an endpoint, and not shared with another that has the same config', async () => {
    await using it = stage();
    await Promise.all([it.publish('a', 'x'), it.publish('a', 'x'), it.publish('b', 'x')]);
    await it.publish('a', 'x');
    expect(it.opened).toEqual(['a x', 'b x']);
    expect(it.closed).toEqual([]);
  });

  test('of a config that has changed are made anew; the old one is closed when what it has in hand is done', async () => {
    await using it = stage();
    it.hold();
    const old = it.publish('a', 'old');
    const next = it.publish('a', 'new');
    await Promise.resolve();
    expect(it.opened).toEqual(['a old', 'a new']);
    expect(it.closed).toEqual([]);
    it.release();
    await Promise.all([old, next]);
    expect(it.closed).toEqual(['a old']);
  });

  test('that cannot be made are tried anew by the next message', async () => {
    await using it = stage();
    await expect(it.publish('a', 'broken')).rejects.toThrow('cannot be opened');
    await expect(it.publish('a', 'broken')).rejects.toThrow('cannot be opened');
    expect(it.opened).toHaveLength(2);
    expect(it.publishers.size).toBe(0);
  });

  test('are so many at most: the one used longest ago goes', async () => {
    await using it = stage({ maxOpen: 2 });
    for (const id of ['a', 'b', 'a', 'c']) await it.publish(id, 'x');
    expect(it.publishers.size).toBe(2);
    expect(it.closed).toEqual(['b x']);
  });

  test('that are not used any more are closed, and those with something in hand are not', async () => {
    await using it = stage();
    await it.publish('idle', 'x');
    it.hold();
    const busy = it.publish('busy', 'x');
    it.publishers.closeIdle(Number.POSITIVE_INFINITY);
    await Promise.resolve();
    expect(it.publishers.size).toBe(1);
    it.release();
    await busy;
    expect(it.closed).toEqual(['idle x']);
  });

  test('are all closed at the end, whatever is in hand', async () => {
    const it = stage();
    await it.publish('idle', 'x');
    it.hold();
    const [retired, busy] = [it.publish('a', 'old'), it.publish('a', 'new')];
    await it.publishers.close();
    expect(it.closed.toSorted()).toEqual(['a new', 'a old', 'idle x']);
    it.release();
    await Promise.all([retired, busy]);
    expect(it.closed).toHaveLength(3);
  });
});
