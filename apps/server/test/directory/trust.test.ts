import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../src/core/ids.ts';
import { insertApiKey } from '../../src/store/api-key.ts';
import { recordChange } from '../../src/store/change.ts';
import { disableEndpoint, readEndpoint, updateEndpoint } from '../../src/store/endpoint.ts';
import { eventually, openStage, type Stage } from '../store/stage.ts';
import { directoryOn, Gate } from './stage.ts';

// On one database: what is at stake is time and order, and the waits are long.
describe('what the directory remembers', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await openStage('embedded');
  });
  afterAll(() => stage.close());

  test('is not trusted beyond 2 s without the database, and is again once that is back', async ({ expect }) => {
    const gate = new Gate(stage.db);
    const directory = directoryOn(gate, stage.vault);
    directory.start();
    const key = { id: newId(), environmentId: stage.environment, name: 'k', scope: 'read', last4: 'abcd' } as const;
    const digest = randomBytes(32);
    await insertApiKey(stage.db, { ...key, digest });
    const read = () =>
      Promise.all([
        directory.apiKey(digest),
        directory.application(stage.environment, { by: 'id', id: stage.application }),
      ]);
    const asks = async () => {
      const before = gate.seen.length;
      await read();
      return gate.seen.slice(before).filter((name) => !name.startsWith('change')).length;
    };
    await eventually(asks).toBe(0);
    gate.breakDown();
    const brokenAt = performance.now();
    expect(await read()).not.toContain(null);
    // Rejects, rather than answer from memory.
    await eventually(() =>
      read().then(
        () => 'trusted',
        () => 'refused',
      ),
    ).toBe('refused');
    expect(performance.now() - brokenAt).toBeLessThan(4_000);
    gate.mend();
    expect(await read()).not.toContain(null);
    await eventually(asks, 4_000).toBe(0);
    await directory.stop();
  });

  test('is nothing before its first look at the change log', async () => {
    const gate = new Gate(stage.db);
    const directory = directoryOn(gate, stage.vault);
    const read = () => directory.application(stage.environment, { by: 'id', id: stage.application });
    await read();
    const asked = gate.seen.length;
    await read();
    const entry = ['application_read', 'environment_read', 'endpoint_of_application'];
    // The data key, which never changes, is read once.
    expect(gate.seen.slice(0, asked).toSorted()).toEqual([...entry, 'environment_read'].toSorted());
    expect(gate.seen.slice(asked)).toEqual(entry);
  });

  test('does not tell a delivery that its endpoint is gone or disabled', async () => {
    const gate = new Gate(stage.db);
    const directory = directoryOn(gate, stage.vault);
    const { id: application } = await stage.addApplication();
    const first = await stage.addEndpoint({ application_id: application });
    directory.start();
    const ask = (id: typeof first.id, since: number) => directory.endpoint(stage.environment, application, id, since);
    const cached = async () => {
      const before = gate.seen.length;
      await ask(first.id, 0);
      return gate.seen.length === before;
    };
    await eventually(cached).toBe(true);

    // Made on another process, not yet heard of here.
    const second = await stage.addEndpoint({ application_id: application });
    expect(await ask(second.id, performance.now())).toMatchObject({ id: second.id });
    // Enabled on another process, not yet heard of here.
    await disableEndpoint(stage.db, stage.environment, second.id, 'by_request');
    directory.forget({ kind: 'application', id: application });
    expect(await ask(second.id, 0)).toMatchObject({ status: 'disabled' });
    const row = await readEndpoint(stage.db, stage.environment, application, second.id);
    if (row) await updateEndpoint(stage.db, { ...row, status: 'active', disabled_reason: null });
    expect(await ask(second.id, performance.now())).toMatchObject({ status: 'active' });
    // A yes may be up to 2 s old, and costs nothing.
    expect(await cached()).toBe(true);
    // A no that was read since the question came up is believed without asking twice.
    const nobody = newId();
    const since = performance.now();
    expect(await ask(nobody, since)).toBeNull();
    const asked = gate.seen.length;
    expect(await ask(nobody, since)).toBeNull();
    expect(gate.seen.slice(asked).filter((name) => !name.startsWith('change'))).toEqual([]);
    await directory.stop();
  });

  test('is not hidden from its owner by another environment that asks for it at the same time', async () => {
    const gate = new Gate(stage.db);
    const directory = directoryOn(gate, stage.vault);
    directory.start();
    await eventually(() => gate.seen).toContain('change_since');
    const other = await stage.addEnvironment();
    const ref = { by: 'id', id: (await stage.addApplication()).id } as const;
    const [foreign, own] = await Promise.all([
      directory.application(other, ref),
      directory.application(stage.environment, ref),
    ]);
    await directory.stop();
    expect(foreign).toBeNull();
    expect(own).not.toBeNull();
  });

  test('is forgotten where changes were dropped from the log before they were heard of', async () => {
    const gate = new Gate(stage.db);
    const directory = directoryOn(gate, stage.vault);
    const { id } = await stage.addApplication();
    const endpoint = await stage.addEndpoint({ application_id: id });
    directory.start();
    const status = async () =>
      (await directory.application(stage.environment, { by: 'id', id }))?.endpoint(endpoint.id)?.status;
    await eventually(() => gate.seen).toContain('change_since');
    expect(await status()).toBe('active');
    // The process is suspended, or cut off with nobody asking it anything.
    let wake: () => void = () => {};
    const asleep = new Promise<void>((resolve) => {
      wake = resolve;
    });
    gate.pass = async (_, run) => {
      await asleep;
      return run();
    };
    await stage.db.transaction(async (tx) => {
      await disableEndpoint(tx, stage.environment, endpoint.id, 'gone');
      await recordChange(tx, { kind: 'application', id });
    });
    await stage.sql('delete from change');
    const looked = gate.seen.length;
    gate.mend();
    wake();
    await eventually(() => gate.seen.slice(looked).includes('change_since')).toBe(true);
    try {
      await eventually(status, 2_000).toBe('disabled');
    } finally {
      await directory.stop();
    }
  });
});
