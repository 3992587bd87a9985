import { expect, test } from 'vitest';
import { brokerTable } from '../../../scripts/broker-table.ts';

const file = (status: string, ...checks: [suite: string, title: string, status: string, meta?: object][]) => ({
  status,
  assertionResults: checks.map(([suite, title, of, meta = {}]) => ({
    ancestorTitles: [suite],
    title,
    status: of,
    meta,
  })),
});
const rows = (table: string) => table.split('\n').map((line) => line.trim().split(/ {2,}/));

test('the table has what each broker passed, with its version, and why not where it was not tried', () => {
  const version = 'Redis 7.0';
  const table = rows(
    brokerTable([
      file(
        'failed',
        ['redis: a queue', 'gives', 'passed', { version }],
        ['redis: a queue', 'counts', 'failed', { version }],
        ['redis: a queue', 'restarts', 'skipped', { version, notRun: 'it is not ours' }],
        ['a Redis queue', 'something else', 'passed'],
      ),
      file('passed', ['redis: refusals', 'a host that is none', 'passed']),
      file('failed', ['nats: a queue', 'gives', 'skipped']),
      file('passed', ['memory: a queue', 'gives', 'skipped']),
      file('passed', ['kafka: no kafka: scripts/brokers.sh kafka', 'gives', 'skipped']),
    ]),
  );
  expect(table).toContainEqual(['redis', 'Redis 7.0']);
  expect(table).toContainEqual(['nats', 'did not start']);
  expect(table).toContainEqual(['memory', expect.stringMatching(/^not run: /)]);
  expect(table).toContainEqual(['kafka', 'not run: no kafka: scripts/brokers.sh kafka']);
  expect(table).toContainEqual(['gives', 'passed', 'FAILED']);
  expect(table).toContainEqual(['counts', 'FAILED', '–']);
  expect(table).toContainEqual(['restarts', 'not run 1', '–']);
  expect(table).toContainEqual(['a host that is none', 'passed', '–']);
  expect(table).toContainEqual(['not run 1: it is not ours']);
  expect(table.flat()).not.toContain('something else');
});

test('where no broker was tested there is no table', () => {
  expect(brokerTable([file('passed', ['an endpoint', 'is kept', 'passed'])])).toBe('');
});
