import { ApiException, Svix } from 'svix';
import { expect } from 'vitest';
import type { TestPostrider } from '../kit/postrider.ts';

/** The published client, as it is. It asks once: a fault of ours is not to be smoothed over by a second call. */
export function svixClient(postrider: Pick<TestPostrider, 'url' | 'key'>, key = postrider.key): Svix {
  return new Svix(key, { serverUrl: `${postrider.url}/svix`, retryScheduleInMs: [] });
}

/** What a refused call was answered; fails the test where it was not refused with this status. */
export async function refused(call: Promise<unknown>, status: number): Promise<unknown> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApiException)) throw error ?? new Error('was not refused');
  expect(error.code, JSON.stringify(error.body)).toBe(status);
  return error.body;
}

interface Listed<T> {
  readonly data: T[];
  readonly iterator: string | null;
  readonly prevIterator?: string | null;
  readonly done: boolean;
}

/** Every page of a list, to its end. */
export async function forwards<T>(list: (iterator: string | null) => Promise<Listed<T>>): Promise<Listed<T>[]> {
  const pages: Listed<T>[] = [];
  let iterator: string | null = null;
  do {
    const page = await list(iterator);
    pages.push(page);
    iterator = page.done ? null : page.iterator;
  } while (iterator !== null);
  return pages;
}

/** From a page back to the beginning, each page as the list has it, the one before the given one first. */
export async function backwards<T>(
  from: Listed<T>,
  list: (iterator: string) => Promise<Listed<T>>,
): Promise<Listed<T>[]> {
  const pages: Listed<T>[] = [];
  let at = from.prevIterator;
  while (at) {
    const page = await list(at);
    if (page.data.length > 0) pages.push(page);
    at = page.done ? null : page.prevIterator;
  }
  return pages;
}
