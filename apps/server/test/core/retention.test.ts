import { expect, test } from 'vitest';
import { newId } from '../../src/core/ids.ts';
import { pastRetention } from '../../src/core/retention.ts';

const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 10, 21, 12);
const [production, staging] = [newId(), newId()];

test('a day is past when all of it is older than the longest retention', () => {
  const past = (now: number) => pastRetention([{ environmentId: production, days: null }], 30, now).dropBefore;
  const midnight = Date.UTC(2026, 9, 22);
  expect(past(NOON)).toBe(midnight);
  expect(past(midnight + 31 * DAY_MS - 1)).toBe(midnight);
  expect(past(midnight + 31 * DAY_MS)).toBe(midnight + DAY_MS);
});

test('who keeps longest is swept for whole days, who keeps less to the millisecond', () => {
  const keepings = [
    { environmentId: production, days: null },
    { environmentId: staging, days: 7 },
  ];
  const { dropBefore, sweeps } = pastRetention(keepings, 30, NOON);
  expect(sweeps).toEqual([
    { environmentId: production, before: dropBefore },
    { environmentId: staging, before: NOON - 7 * DAY_MS },
  ]);
});

test('an environment of its own number may be the one that keeps longest', () => {
  const keepings = [
    { environmentId: production, days: 365 },
    { environmentId: staging, days: null },
  ];
  const { dropBefore, sweeps } = pastRetention(keepings, 30, NOON);
  expect(dropBefore).toBe(Date.UTC(2025, 10, 21));
  expect(sweeps[1]).toEqual({ environmentId: staging, before: NOON - 30 * DAY_MS });
});

test('without an environment the default holds', () => {
  expect(pastRetention([], 30, NOON)).toEqual({ dropBefore: Date.UTC(2026, 9, 22), sweeps: [] });
});

test('yesterday is never past', () => {
  const { dropBefore } = pastRetention([{ environmentId: production, days: 1 }], 30, NOON);
  expect(dropBefore).toBe(Date.UTC(2026, 10, 20));
});
