import { afterAll, beforeAll, expect, test } from 'vitest';
import { firstIdAt, type Uuid } from '../../src/core/ids.ts';
import { expireAuditEntries, insertAuditEntry, listAuditEntries } from '../../src/store/audit.ts';
import type { Page } from '../../src/store/list.ts';
import { onBothDatabases } from '../kit/database.ts';
import { openStage, type Stage } from './stage.ts';

const ALL: Page = { limit: 100, offset: 0, before: null, from: null, to: null };

onBothDatabases('entries of the audit log', (kind) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage(kind);
  });
  afterAll(() => stage.close());

  test('are dropped once they are old enough, so many at a time', async () => {
    const other = await stage.addEnvironment();
    for (const at of [1_000, 2_000, 3_000]) {
      await insertAuditEntry(stage.db, {
        ...{ id: firstIdAt(at), environment_id: at === 2_000 ? other : stage.environment, actor_kind: 'command' },
        ...{ actor_id: null, action: 'a.b', subject: `${at}`, details: {}, request_id: null },
      });
    }
    expect(await expireAuditEntries(stage.db, firstIdAt(3_000), 1)).toBe(1);
    expect(await expireAuditEntries(stage.db, firstIdAt(3_000), 10)).toBe(1);
    expect(await expireAuditEntries(stage.db, firstIdAt(3_000), 10)).toBe(0);
    expect(await stage.sql('select subject from audit_entry')).toEqual([{ subject: '3000' }]);
  });

  test('of a rare action are looked for among so many at a time', async () => {
    const environmentId = await stage.addEnvironment();
    await stage.sql(
      `insert into audit_entry (id, environment_id, actor_kind, action, subject)
       select lpad(to_hex(n), 32, '0')::uuid, $1, 'system', case n when 1 then 'rare.act' else 'a.b' end, n
       from generate_series(1, 10050) n`,
      [environmentId],
    );
    const find = (before: Uuid | null) =>
      listAuditEntries(stage.db, { environmentId, action: 'rare.act' }, { ...ALL, before });
    const first = await find(null);
    expect(first).toMatchObject({ rows: [], lookedTo: { subject: '51' } });
    expect(await find(first.lookedTo?.id ?? null)).toMatchObject({ rows: [{ subject: '1' }], lookedTo: null });
  });
});
