import { expect, test } from 'vitest';
import { createEndpoint } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('a process that has just started', (kind) => {
  const stage = stageOn(kind);

  test('enables an endpoint without having opened its environment’s secrets before', async () => {
    const { id } = await createEndpoint(stage.api, { url: `${stage.receiver.url}/ok/asleep`, active: false });
    await stage.restart();
    expect((await stage.api.post(`/v1/endpoints/${id}/enable`)).body).toMatchObject({ id, status: 'active' });
  });
});
