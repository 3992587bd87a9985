import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answer, type List } from '../kit/answers.ts';
import { Api } from '../kit/api.ts';
import { postrider } from '../kit/command-line.ts';
import { createTestDatabase, onBothDatabases, type TestDatabase } from '../kit/database.ts';
import { newKey, settings, startTestPostrider, type TestPostrider } from '../kit/postrider.ts';

const newMasterKey = () => randomBytes(32).toString('base64');

onBothDatabases('a command', (kind) => {
  let database: TestDatabase;
  let env: Record<string, string>;
  const old = newMasterKey();
  const withKeys = (...keys: string[]) => ({ ...env, POSTRIDER_MASTER_KEY: keys.join() });
  /** Asks a Postrider with these keys. */
  async function started<T>(keys: string[], work: (running: TestPostrider) => Promise<T>): Promise<T> {
    const running = await startTestPostrider(database, { env: { POSTRIDER_MASTER_KEY: keys.join() } });
    return work(running).finally(() => running.stop());
  }

  beforeAll(async () => {
    database = await createTestDatabase(kind);
    env = settings(database, newKey());
    await started([old], async () => {});
  });
  afterAll(() => database.drop());

  test('makes an environment that works at once, with a key shown once', async () => {
    const made = await postrider('environments create --name Staging --mode live', withKeys(old));
    expect(made).toMatchObject({ code: 0, complaints: [] });
    const key = /pr_live_\w+/.exec(made.output.join('\n'))?.[0] ?? '';
    const listed = await postrider('environments list', withKeys(old));
    expect(listed.output).toEqual([
      expect.stringMatching(/^env_\w{26} {2}live {2}Production$/),
      expect.stringMatching(/^env_\w{26} {2}test {2}Test$/),
      expect.stringMatching(/^env_\w{26} {2}live {2}Staging$/),
    ]);
    await started([old], async ({ url }) => {
      const api = new Api(url, key);
      expect((await api.post('/v1/endpoints', { url: 'https://example.com/' })).status).toBe(201);
      const { data } = await answer<List<object>>(api.get('/v1/audit-log?action=environment.create'), 200);
      expect(data).toMatchObject([
        { actor: { kind: 'command', id: null }, details: { name: 'Staging', mode: 'live' } },
      ]);
      expect(await answer<List<object>>(api.get('/v1/app'), 200)).toMatchObject({ data: [{ is_default: true }] });
    });
    const again = await postrider('environments create --name Staging', withKeys(old));
    expect(again).toMatchObject({ code: 1, complaints: ['postrider: there is an environment Staging already'] });
  });

  test('puts an environment on another plan, which its keys are told of', async () => {
    const put = await postrider('environments plan --name Test --plan free', withKeys(old));
    expect(put).toMatchObject({ code: 0, output: [expect.stringMatching(/^Test: free \(was unlimited\); 100 calls/)] });
    await started([old], async ({ api }) => {
      const response = await api.get('/v1/environment');
      expect(response.headers.get('ratelimit-limit')).toBe('100');
      expect(await answer<object>(response, 200)).toMatchObject({ plan: 'free' });
      const { data } = await answer<List<object>>(api.get('/v1/audit-log?action=environment.set_plan'), 200);
      expect(data).toMatchObject([{ actor: { kind: 'command' }, details: { plan: 'free' } }]);
    });
    expect((await postrider('environments plan --name Test --plan unlimited', withKeys(old))).code).toBe(0);
    const unknown = await postrider('environments plan --name None --plan free', withKeys(old));
    expect(unknown).toMatchObject({ code: 1, complaints: ['postrider: there is no environment None'] });
    const wrong = await postrider('environments plan --name Test --plan gold', withKeys(old));
    expect(wrong).toMatchObject({ code: 2, complaints: ['postrider: --plan: free or unlimited'] });
  });

  test('makes no environment under a master key that no server has', async () => {
    const refused = await postrider('environments create --name Other', withKeys(newMasterKey()));
    expect(refused).toMatchObject({ code: 1, complaints: [expect.stringContaining('POSTRIDER_MASTER_KEY')] });
    expect((await postrider('environments list', withKeys(old))).output.join()).not.toContain('Other');
  });

  test('takes a new master key into use, and may be given twice', async () => {
    const next = newMasterKey();
    const { id, secret } = await started([old], ({ api }) =>
      answer<{ id: string; secret: string }>(api.post('/v1/endpoints', { url: 'https://example.com/' }), 201),
    );
    const secretWith = (...keys: string[]) =>
      started(keys, async ({ api }) => (await answer<object>(api.get(`/v1/endpoints/${id}/secret`), 200)) as object);

    const refused = await postrider('keys rewrap', withKeys(next));
    expect(refused).toMatchObject({ code: 1, complaints: [] });
    expect(refused.output.join('\n')).toContain('not opened by any of these master keys');

    const done = await postrider('keys rewrap', withKeys(next, old));
    expect(done.code).toBe(0);
    expect(done.output.filter((line) => line.endsWith(': re-wrapped')).length).toBeGreaterThanOrEqual(2);
    const twice = await postrider('keys rewrap', withKeys(next, old));
    expect(twice).toMatchObject({ code: 0 });
    expect(twice.output.join('\n')).not.toContain('re-wrapped');

    expect(await secretWith(next)).toEqual({ secret });
    await expect(started([old], async () => {})).rejects.toThrow(/^POSTRIDER_MASTER_KEY: .*Production/);
    // And once more, back to where it began.
    expect((await postrider('keys rewrap', withKeys(old, next))).code).toBe(0);
    await started([old], async ({ api }) => {
      expect(await answer<object>(api.get(`/v1/endpoints/${id}/secret`), 200)).toEqual({ secret });
      const { data } = await answer<List<object>>(api.get('/v1/audit-log?action=environment.rewrap_key'), 200);
      expect(data).toHaveLength(2);
    });
  }, 120_000);

  test('says how things are: doctor', async () => {
    const well = await postrider('doctor', withKeys(old));
    expect(well).toMatchObject({ code: 0, complaints: [] });
    const text = well.output.join('\n');
    expect(text).toMatch(/^ok {2}row-level security is on$/m);
    expect(text).toMatch(/^ok {2}the master key opens all \d environments/m);
    expect(text).not.toContain(old);
    const wrong = await postrider('doctor', withKeys(newMasterKey()));
    expect(wrong.code).toBe(1);
    expect(wrong.output.join('\n')).toMatch(/^FAULT {2}the master key: /m);
    const soon = await postrider('doctor', withKeys(newMasterKey(), old));
    expect(soon.code).toBe(0);
    expect(soon.output.join('\n')).toMatch(/npm run postrider -- keys rewrap$/m);
  });

  test('beside a running Postrider works on PostgreSQL, and says why it cannot on the embedded database', async () => {
    await started([old], async () => {
      for (const line of ['keys rewrap', 'environments list']) {
        const { code, complaints } = await postrider(line, withKeys(old));
        if (kind === 'postgresql') expect({ code, complaints }).toEqual({ code: 0, complaints: [] });
        else
          expect({ code, complaints }).toEqual({ code: 1, complaints: [expect.stringContaining('in use by another')] });
      }
      expect((await postrider('doctor', withKeys(old))).code).toBe(0);
    });
  });
});

onBothDatabases('a command on a database that is new', (kind) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(kind);
  });
  afterAll(() => database.drop());

  test('leaves it to the first start', async () => {
    const env = { ...settings(database, newKey()), POSTRIDER_MASTER_KEY: newMasterKey() };
    for (const line of ['keys rewrap', 'environments list', 'environments create --name x']) {
      const { code, complaints } = await postrider(line, env);
      expect({ code, complaints }).toEqual({ code: 1, complaints: [expect.stringContaining('start Postrider')] });
    }
    const { code, output } = await postrider('doctor', env);
    expect(code).toBe(0);
    expect(output.at(-1)).toMatch(/^ok {2}the database lacks \d+ migrations/);
  });
});
