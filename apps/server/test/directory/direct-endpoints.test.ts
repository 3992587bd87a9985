import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { newId, type Uuid } from '../../src/core/ids.ts';
import type { Directory } from '../../src/directory/directory.ts';
import { recordChange } from '../../src/store/change.ts';
import { insertDirectEndpoint } from '../../src/store/direct-endpoint.ts';
import { deleteEndpoint, disableEndpoint } from '../../src/store/endpoint.ts';
import { onBothDatabases } from '../kit/database.ts';
import { eventually, openStage, type Stage } from '../store/stage.ts';
import { directoryOn, Gate } from './stage.ts';

onBothDatabases('a direct endpoint', (kind) => {
  let stage: Stage;
  let gate: Gate;
  let directory: Directory;
  let app: Uuid;

  beforeAll(async () => {
    stage = await openStage(kind);
    gate = new Gate(stage.db);
    directory = directoryOn(gate, stage.vault);
    directory.start();
    app = (await stage.addApplication({ is_default: true })).id;
    // Its first look at the change log: from here on it trusts what it remembers.
    await vi.waitFor(async () => {
      const asked = gate.seen.length;
      await entry();
      expect(gate.seen).toHaveLength(asked);
    });
  });
  afterAll(async () => {
    await directory.stop();
    await stage.close();
  });

  const entry = () => directory.application(stage.environment, { by: 'id', id: app });
  const known = (id: Uuid) => directory.known(stage.environment, app, id);
  const asked = (id: Uuid) => directory.endpoint(stage.environment, app, id, performance.now());
  const queries = () => gate.seen.filter((name) => !name.startsWith('change')).length;

  async function add(application_id = app): Promise<Uuid> {
    const like = await stage.addEndpoint({ application_id });
    const id = newId();
    await insertDirectEndpoint(stage.db, { ...like, id, url: `https://example.test/${id}` });
    return id;
  }

  test('is not read with the others of its application, and matches nothing', async () => {
    const id = await add();
    directory.forget({ kind: 'application', id: app });
    const read = await entry();
    expect(read?.endpoints.map((each) => each.id)).not.toContain(id);
    expect(read?.endpoint(id)).toBeUndefined();
    const all = { eventType: 'a', channels: null, endpointIds: null };
    expect(read?.match(all).matching).not.toContain('example.test');
    expect(read?.match(all).endpoints.map((each) => each.id)).not.toContain(id);
  });

  test('is read by its id when it is asked for, and then known, without reading its application anew', async () => {
    const id = await add();
    const before = await entry();
    expect(known(id)).toBeUndefined();
    expect(await asked(id)).toMatchObject({ id, isDirect: true });
    const read = queries();
    expect(known(id)).toMatchObject({ id });
    expect(await asked(id)).toBe(known(id));
    expect(queries()).toBe(read);
    expect(await entry()).toBe(before);
  });

  test('is forgotten when its application changes anywhere, and disabled or gone is as it is now', async () => {
    const [off, gone] = [await add(), await add()];
    for (const id of [off, gone]) await asked(id);
    await stage.db.transaction(async (tx) => {
      await disableEndpoint(tx, stage.environment, off, 'gone');
      await deleteEndpoint(tx, stage.environment, app, gone);
      await recordChange(tx, { kind: 'application', id: app });
    });
    await eventually(async () => (await entry()) && [known(off), known(gone)], 4_000).toEqual([undefined, undefined]);
    expect(await asked(off)).toMatchObject({ status: 'disabled' });
    expect(await asked(gone)).toBeNull();
    // Enabled by another process a moment ago: what memory says of it is not final.
    await stage.sql(`update endpoint set status = 'active', disabled_reason = null where id = $1`, [off]);
    expect(await asked(off)).toMatchObject({ status: 'active' });
  });

  test('is nothing to another environment or application', async () => {
    const id = await add();
    await asked(id);
    const other = await stage.addEnvironment();
    const sibling = (await stage.addApplication()).id;
    expect(directory.known(other, app, id)).toBeUndefined();
    expect(await directory.endpoint(other, app, id, performance.now())).toBeNull();
    expect(await directory.endpoint(stage.environment, sibling, id, performance.now())).toBeNull();
  });

  test('takes room for a bounded number only: the longest unused make way', async () => {
    const first = await add();
    await asked(first);
    const sample = known(first);
    const { direct } = (await entry()) ?? {};
    if (!sample || !direct) throw new Error('it is not known');
    for (let n = 0; n < 5_000; n++) {
      direct.keep({ ...sample, id: newId(), url: `https://example.test/n/${n}` });
    }
    expect(known(first)).toBeUndefined();
    expect(direct.of('https://example.test/n/0')).toBeUndefined();
    expect(direct.of('https://example.test/n/4999')).toBeDefined();
    expect(await asked(first)).toMatchObject({ id: first });
  });
});
