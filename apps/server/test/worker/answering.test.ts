import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { newId } from '../../src/core/ids.ts';
import { Answering } from '../../src/delivery/answering.ts';

const [a, b] = [newId(), newId()];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('an endpoint that was heard is known for 30 s, and news only when it was not', () => {
  const answering = new Answering();
  expect(answering.has(a)).toBe(false);
  expect(answering.heard(a)).toBe(true);
  expect(answering.heard(a)).toBe(false);
  vi.advanceTimersByTime(29_999);
  expect(answering.has(a)).toBe(true);
  vi.advanceTimersByTime(1);
  expect(answering.has(a)).toBe(false);
  expect(answering.heard(a)).toBe(true);
});

test('one that goes on answering stays known, whoever else comes and goes', () => {
  const answering = new Answering();
  answering.heard(a);
  for (let second = 0; second < 120; second++) {
    vi.advanceTimersByTime(1_000);
    if (second % 20 === 0) answering.heard(newId());
    expect(answering.heard(a)).toBe(false);
    expect(answering.has(a)).toBe(true);
  }
  expect(answering.has(b)).toBe(false);
});
