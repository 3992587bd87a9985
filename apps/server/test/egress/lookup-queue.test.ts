import { describe, expect, test } from 'vitest';
import { LookupQueue } from '../../src/egress/lookup-queue.ts';
import { parentOf } from '../../src/egress/parent-name.ts';

test.each([
  ['a.b.example.com', 'example.com'],
  ['example.com', 'example.com'],
  ['localhost', 'localhost'],
  ['HOOK.Example.com.', 'example.com'],
  ['a.shop.co.uk', 'shop.co.uk'],
  ['co.uk', 'co.uk'],
  ['one.vercel.app', 'vercel.app'],
  ['a.b.com.evil.io', 'evil.io'],
])('the parent of %s is %s', (name, parent) => {
  expect(parentOf(name)).toBe(parent);
});

describe('a queue of look-ups', () => {
  /** All that may begin at this instant. */
  function taken(queue: LookupQueue, now: number): string[] {
    const names: string[] = [];
    for (let name = queue.take(now); name !== null; name = queue.take(now)) names.push(name);
    return names;
  }

  function queueOf(...names: string[]): LookupQueue {
    const queue = new LookupQueue();
    for (const name of names) queue.add(name);
    return queue;
  }

  /** The parent has answered within a millisecond. */
  function knownAsQuick(queue: LookupQueue, parent: string, now: number): void {
    queue.add(parent);
    expect(taken(queue, now)).toEqual([parent]);
    queue.end(parent, now + 1);
  }

  const distinct = (count: number, at = '') => Array.from({ length: count }, (_, n) => `host${n}${at}`);

  test('lets six go at once', () => {
    const queue = queueOf(...distinct(10).map((name) => `${name}.com`));
    expect(taken(queue, 0)).toHaveLength(6);
    queue.end('host0.com', 10);
    expect(taken(queue, 10)).toEqual(['host6.com']);
    expect(queue.size).toEqual({ waiting: 3, running: 6 });
  });

  test('lets one go of a parent that nothing is known of, and two once it has answered', () => {
    const queue = queueOf(...distinct(5, '.vercel.app'));
    expect(taken(queue, 0)).toEqual(['host0.vercel.app']);
    queue.end('host0.vercel.app', 20);
    expect(taken(queue, 20)).toEqual(['host1.vercel.app', 'host2.vercel.app']);
  });

  test('gives parents their turns, whichever came with how many', () => {
    const queue = queueOf(...distinct(8).map((name) => `${name}.com`), ...distinct(300, '.evil.test'), 'good.example');
    for (const name of taken(queue, 0)) queue.end(name, 1);
    expect(taken(queue, 1)).toEqual(expect.arrayContaining(['good.example']));
  });

  test('gives a parent with an unanswered look-up no place besides, until it ends', () => {
    const queue = new LookupQueue();
    knownAsQuick(queue, 'evil.test', 0);
    queue.add('a.evil.test');
    expect(taken(queue, 10)).toEqual(['a.evil.test']);
    queue.add('b.evil.test');
    expect(taken(queue, 2_010)).toEqual([]);
    queue.end('a.evil.test', 10_000);
    expect(taken(queue, 10_000)).toEqual(['b.evil.test']);
  });

  test('keeps two places for all parents that were silent, and the others for the rest', () => {
    const silent = distinct(6).map((name) => `${name}.test`);
    const queue = queueOf(...silent);
    expect(taken(queue, 0)).toEqual(silent);
    for (const name of silent) queue.end(name, 5_000);
    for (const name of silent) queue.add(`again.${name}`);
    for (const name of distinct(10)) queue.add(`${name}.example`);
    expect(taken(queue, 5_000)).toEqual([
      'again.host0.test',
      'again.host1.test',
      ...distinct(4).map((name) => `${name}.example`),
    ]);
  });

  test('forgets a silence after half a minute, or at a quick answer', () => {
    const silent = ['a.test', 'b.test', 'c.test'];
    const queue = queueOf(...silent);
    taken(queue, 0);
    for (const name of silent) queue.end(name, 5_000);
    for (const name of silent) queue.add(name);
    expect(taken(queue, 5_000)).toEqual(['a.test', 'b.test']);
    queue.end('a.test', 5_010);
    expect(taken(queue, 5_010)).toEqual(['c.test']);
    queue.add('a.test');
    expect(taken(queue, 5_020)).toEqual(['a.test']);

    const later = queueOf(...silent);
    taken(later, 0);
    for (const name of silent) later.end(name, 5_000);
    for (const name of silent) later.add(name);
    expect(taken(later, 35_000)).toEqual(silent);
  });

  test('lets a name leave while it waits, and holds nothing of it then', () => {
    const queue = queueOf('a.example.com', 'b.example.com');
    expect(taken(queue, 0)).toEqual(['a.example.com']);
    expect([queue.remove('b.example.com'), queue.remove('b.example.com')]).toEqual([true, false]);
    expect(queue.remove('a.example.com')).toBe(false);
    queue.end('a.example.com', 1);
    expect(queue.size).toEqual({ waiting: 0, running: 0 });
  });
});
