import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase, onBothDatabases, type TestDatabase } from '../kit/database.ts';
import { newKey, settings } from '../kit/postrider.ts';
import { ServerProcess } from '../kit/server-process.ts';

const WRONG = [
  ['POSTRIDER_PORT', '99999'],
  ['POSTRIDER_PORT', 'http'],
  ['POSTRIDER_ROLES', 'foo'],
  ['POSTRIDER_MASTER_KEY', 'short'],
  ['POSTRIDER_EGRESS_ALLOW', '10.0.0.1/8'],
  ['POSTRIDER_EGRESS_HTTP', 'yes'],
  ['POSTRIDER_EGRESS_PORTS', '80,,443'],
  ['POSTRIDER_BOOTSTRAP_API_KEY', 'abc'],
  ['POSTRIDER_QUEUE_URL', 'x'],
  ['POSTRIDER_DATABASE_URL', 'mysql://x'],
  ['POSTRIDER_LOG_LEVEL', 'loud'],
] as const;

describe('a setting that cannot be', () => {
  test.for(WRONG)('stops the start with one line that names it: %s=%s', async ([name, value]) => {
    const server = new ServerProcess({ [name]: value });
    expect(await server.exited).toEqual({ code: 1, signal: null });
    expect(server.stderr.split('\n')).toEqual([expect.stringMatching(`^postrider: ${name}: .{10,}`), '']);
    // The value may be half of a secret.
    if (/KEY/.test(name)) expect(server.stderr).not.toContain(`"${value}"`);
  });
});

onBothDatabases('a database that was made with another master key', (kind) => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createTestDatabase(kind);
  });
  afterEach(() => database.drop());

  test('is refused, and opens again with the right one', async () => {
    const right = {
      ...settings(database, newKey()),
      POSTRIDER_MASTER_KEY: randomBytes(32).toString('base64'),
    };
    const first = await ServerProcess.start(right);
    expect(await first.stop()).toEqual({ code: 0, signal: null });

    const wrong = new ServerProcess({ ...right, POSTRIDER_MASTER_KEY: randomBytes(32).toString('base64') });
    expect(await wrong.exited).toEqual({ code: 1, signal: null });
    expect(wrong.stderr.split('\n')).toEqual([expect.stringMatching(/^postrider: .*POSTRIDER_MASTER_KEY/), '']);

    const again = await ServerProcess.start(right);
    expect(await again.stop()).toEqual({ code: 0, signal: null });
  });
});
