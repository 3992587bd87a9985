import { expect, test } from 'vitest';
import { createEndpoint, sendTo, settled } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('an endpoint that hangs', (kind) => {
  const stage = stageOn(kind);
  const endpointAt = async (path: string, settings: object = {}) =>
    (await createEndpoint(stage.api, { url: stage.receiver.url + path, ...settings })).id;

  test('does not hold up another on the same host', async () => {
    const hanging = await endpointAt('/hang/far', { timeout_seconds: 5, retry_policy: [] });
    const healthy = await endpointAt('/ok/near');
    await Promise.all(Array.from({ length: 600 }, () => sendTo(stage.api, hanging)));
    const ids = await Promise.all(Array.from({ length: 20 }, () => sendTo(stage.api, healthy)));
    for (const id of ids) expect(await settled(stage.api, id)).toMatchObject({ status: 'SENT', attempt_count: 1 });
    // Not one of the others has even run into its deadline.
    const ended = await stage.api.get(`/v1/deliveries?endpoint_id=${hanging}&status=FAILED`);
    expect(ended.body.data).toEqual([]);
  });
});
