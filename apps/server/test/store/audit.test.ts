import { afterAll, beforeAll, expect, test } from 'vitest';
import { firstIdAt } from '../../src/core/ids.ts';
import { expireAuditEntries, insertAuditEntry } from '../../src/store/audit.ts';
import { onBothDatabases } from '../kit/database.ts';
import { openStage, type Stage } from './stage.ts';

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
});
