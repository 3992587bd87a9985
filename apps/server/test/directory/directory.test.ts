import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { newId } from '../../src/core/ids.ts';
import type { Directory } from '../../src/directory/directory.ts';
import { deleteApiKey, insertApiKey } from '../../src/store/api-key.ts';
import { deleteApplication, updateApplication } from '../../src/store/application.ts';
import { recordChange, type Subject } from '../../src/store/change.ts';
import type { Queryable } from '../../src/store/database.ts';
import { disableEndpoint } from '../../src/store/endpoint.ts';
import { onBothDatabases } from '../kit/database.ts';
import { eventually, openStage, type Stage } from '../store/stage.ts';
import { directoryOn, Gate } from './stage.ts';

onBothDatabases('the directory', (kind) => {
  let stage: Stage;
  let gate: Gate;
  let directory: Directory;

  beforeAll(async () => {
    stage = await openStage(kind);
    gate = new Gate(stage.db);
    directory = directoryOn(gate, stage.vault);
    directory.start();
    // Its first look at the change log: from here on it trusts what it remembers.
    await vi.waitFor(async () => {
      const asked = gate.seen.length;
      await app();
      expect(gate.seen).toHaveLength(asked);
    });
  });
  afterAll(async () => {
    await directory.stop();
    await stage.close();
  });

  /** A change as another process makes it. */
  const elsewhere = (subject: Subject, change: (tx: Queryable) => Promise<unknown>) =>
    stage.db.transaction(async (tx) => {
      await change(tx);
      await recordChange(tx, subject);
    });
  const app = (id = stage.application, of = stage.environment) => directory.application(of, { by: 'id', id });
  async function addKey(environmentId = stage.environment) {
    const key = {
      id: newId(),
      environmentId,
      name: 'k',
      scope: 'write',
      digest: randomBytes(32),
      last4: 'abcd',
    } as const;
    await insertApiKey(stage.db, key);
    return key;
  }

  test('knows an application and its endpoints by heart, secrets open', async () => {
    const endpoint = await stage.addEndpoint({ application_id: (await stage.addApplication({ uid: 'acme' })).id });
    const entry = await directory.application(stage.environment, { by: 'uid', uid: 'acme' });
    expect(entry?.endpoints).toMatchObject([
      { id: endpoint.id, secret: expect.stringMatching(/^whsec_/), headers: {} },
    ]);
    expect(entry?.endpoint(endpoint.id)?.signingKey).toHaveLength(32);
    const asked = gate.seen.length;
    expect(await directory.application(stage.environment, { by: 'uid', uid: 'acme' })).toBe(entry);
    expect(await app(entry?.id)).toBe(entry);
    expect(gate.seen.slice(asked).filter((name) => !name.startsWith('change'))).toEqual([]);
  });

  test('hears within 2 s of what changed on another process: endpoints, applications, keys and who has a uid', async () => {
    const { id } = await stage.addApplication();
    const endpoint = await stage.addEndpoint({ application_id: id });
    const [gone, key] = [await stage.addApplication(), await addKey()];
    const [one, two] = [await stage.addApplication({ uid: 'moving' }), await stage.addApplication()];
    const [late, lateKey] = [randomBytes(32), { id: newId(), name: 'k', scope: 'read', last4: 'abcd' } as const];
    const now = async () => ({
      late: (await directory.apiKey(late))?.id,
      status: (await app(id))?.endpoint(endpoint.id)?.status,
      gone: await app(gone.id),
      key: await directory.apiKey(key.digest),
      named: (await directory.application(stage.environment, { by: 'uid', uid: 'moving' }))?.id,
    });
    const scope = { id: key.id, environmentId: stage.environment, scope: 'write' };
    expect(await now()).toMatchObject({
      late: undefined,
      status: 'active',
      gone: { id: gone.id },
      key: scope,
      named: one.id,
    });
    await elsewhere({ kind: 'application', id }, (tx) => disableEndpoint(tx, stage.environment, endpoint.id, 'gone'));
    await elsewhere({ kind: 'application', id: gone.id }, (tx) => deleteApplication(tx, stage.environment, gone.id));
    await elsewhere({ kind: 'api_key', id: key.id }, (tx) => deleteApiKey(tx, stage.environment, key.id));
    await elsewhere({ kind: 'application', id: one.id }, async (tx) => {
      await updateApplication(tx, { ...one, uid: null });
      await updateApplication(tx, { ...two, uid: 'moving' });
      await recordChange(tx, { kind: 'application', id: two.id });
    });
    await insertApiKey(stage.db, { ...lateKey, environmentId: stage.environment, digest: late });
    const then = { late: lateKey.id, status: 'disabled', gone: null, key: null, named: two.id };
    await eventually(now, 4_000).toEqual(then);
  });

  test('asks once a second at most for a key that nobody has', async () => {
    const digest = randomBytes(32);
    const asked = gate.seen.length;
    for (let n = 0; n < 20; n++) expect(await directory.apiKey(digest)).toBeNull();
    expect(gate.seen.slice(asked).filter((name) => name === 'api_key_by_digest')).toHaveLength(1);
  });

  test('shows another environment nothing, known or not', async () => {
    const other = await stage.addEnvironment();
    const { id } = await stage.addApplication({ uid: 'theirs' });
    expect(await app(id, other)).toBeNull();
    expect(await app(id)).not.toBeNull();
    expect(await app(id, other)).toBeNull();
    expect(await directory.application(stage.environment, { by: 'uid', uid: 'theirs' })).not.toBeNull();
    expect(await directory.application(other, { by: 'uid', uid: 'theirs' })).toBeNull();
    expect(await directory.application(other, { by: 'default' })).toBeNull();
  });

  test.each([
    ['is disabled', 1],
    ['is gone', 1],
    // Nothing is kept that could tell since when there is none: it is looked for once more.
    ['is gone with its application', 2],
  ])('looks for all of a backlog together whether its endpoint %s', async (what, most) => {
    const { id } = await stage.addApplication();
    const endpoint = await stage.addEndpoint({ application_id: id });
    const isThere = what === 'is disabled';
    if (isThere) await disableEndpoint(stage.db, stage.environment, endpoint.id, 'gone');
    await app(id);
    if (most > 1) {
      await deleteApplication(stage.db, stage.environment, id);
      directory.forget({ kind: 'application', id });
    }
    const asked = gate.seen.length;
    const claimedAt = performance.now();
    const wanted = isThere ? endpoint.id : newId();
    const ask = () => directory.endpoint(stage.environment, id, wanted, claimedAt);
    const found = await Promise.all(Array.from({ length: 64 }, ask));
    expect(new Set(found.map((each) => each?.status))).toEqual(new Set([isThere ? 'disabled' : undefined]));
    expect(gate.seen.slice(asked).filter((name) => name === 'application_read')).toHaveLength(most);
  });

  test('looks again for each claim: what was read before it is no final answer', async () => {
    const { id } = await stage.addApplication();
    const endpoint = await stage.addEndpoint({ application_id: id });
    await disableEndpoint(stage.db, stage.environment, endpoint.id, 'gone');
    const now = () => directory.endpoint(stage.environment, id, endpoint.id, performance.now());
    expect(await now()).toMatchObject({ status: 'disabled' });
    await stage.sql("update endpoint set status = 'active', disabled_reason = null where id = $1", [endpoint.id]);
    expect(await Promise.all([now(), now()])).toMatchObject([{ status: 'active' }, { status: 'active' }]);
  });

  test('does not keep what it read before a change that came meanwhile', async () => {
    const { id } = await stage.addApplication();
    const endpoint = await stage.addEndpoint({ application_id: id });
    const held = gate.holdAnswersOf('endpoint_of_application');
    const loading = app(id);
    await held.reached;
    const after = gate.seen.length;
    await elsewhere({ kind: 'application', id }, (tx) => disableEndpoint(tx, stage.environment, endpoint.id, 'gone'));
    // Two looks at the change log: the second began after the change.
    await eventually(() => gate.seen.slice(after).filter((name) => name === 'change_since').length).toBeGreaterThan(2);
    held.release();
    expect((await loading)?.endpoint(endpoint.id)?.status).toBe('active');
    gate.mend();
    expect((await app(id))?.endpoint(endpoint.id)?.status).toBe('disabled');
  });
});
