import { expect, test } from 'vitest';
import { endOf, monthAfter, monthOf, monthsFrom } from '../../src/core/month.ts';

test('a moment is in a month of UTC', () => {
  expect(monthOf(Date.parse('2026-11-30T23:59:59.999Z'))).toBe('2026-11');
  expect(monthOf(Date.parse('2026-12-01T00:00:00Z'))).toBe('2026-12');
  expect(monthOf(Date.parse('2026-12-01T00:30:00+01:00'))).toBe('2026-11');
});

test('months go on over the turn of a year, both ways', () => {
  expect(monthAfter('2026-11', 2)).toBe('2027-01');
  expect(monthAfter('2026-11', -11)).toBe('2025-12');
  expect(monthAfter('2026-11', 0)).toBe('2026-11');
  expect(monthAfter('2026-01', 36)).toBe('2029-01');
});

test('a range has both its ends', () => {
  expect(monthsFrom('2026-11', '2027-02')).toEqual(['2026-11', '2026-12', '2027-01', '2027-02']);
  expect(monthsFrom('2026-11', '2026-11')).toEqual(['2026-11']);
  expect(monthsFrom('2026-12', '2026-11')).toEqual([]);
});

test('a month ends where the next begins', () => {
  expect(endOf('2026-12').toISOString()).toBe('2027-01-01T00:00:00.000Z');
  expect(endOf('2028-02').toISOString()).toBe('2028-03-01T00:00:00.000Z');
});
