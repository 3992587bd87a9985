import { expect, test } from 'vitest';
import { rehearse } from '../../src/delivery/claim.ts';
import { insertMessages } from '../../src/store/acceptance.ts';
import { onBothDatabases } from '../kit/database.ts';
import { message, openStage } from '../store/stage.ts';

onBothDatabases('a rehearsal', (kind) => {
  test('runs every statement of a claim and of a record, and leaves all as it was', async () => {
    const stage = await openStage(kind);
    const endpoint = await stage.addEndpoint();
    await insertMessages(stage.db, [message(stage, [{ endpointId: endpoint.id }])]);
    const all = async () => [
      await stage.sql('select * from delivery'),
      await stage.sql('select * from lane'),
      await stage.sql('select * from attempt'),
    ];
    const before = await all();
    await rehearse(stage.db);
    expect(await all()).toEqual(before);
    const planned = await stage.sql<{ name: string }>('select name from pg_prepared_statements');
    if (kind === 'embedded') {
      const names = ['lane_lock_ready', 'lane_take', 'lane_settle', 'lease_record', 'lease_record_and_inform'];
      expect(planned.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
    }
    await stage.close();
  });
});
