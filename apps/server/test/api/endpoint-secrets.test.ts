import { expect, test } from 'vitest';
import { answer, createEndpoint, type Endpoint, sendTo, settled } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('an endpoint', (kind) => {
  const stage = stageOn(kind);
  const url = () => `${stage.receiver.url}/ok`;
  const read = (id: string) => answer<Endpoint>(stage.api.get(`/v1/endpoints/${id}`), 200);

  test('shows its secret once, and later to an admin', async () => {
    const { id, secret } = await createEndpoint(stage.api, { url: url() });
    const others = [await stage.api.get(`/v1/endpoints/${id}`), await stage.api.get('/v1/endpoints?limit=100')];
    others.push(await stage.api.patch(`/v1/endpoints/${id}`, { description: 'x' }));
    others.push(await stage.api.post(`/v1/endpoints/${id}/enable`));
    for (const { text } of others) expect(text).not.toContain(secret.slice(6));
    expect((await stage.api.get(`/v1/endpoints/${id}/secret`)).body).toEqual({ secret });
  });

  test('takes a secret of one’s own', async () => {
    const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
    const made = await createEndpoint(stage.api, { url: url(), secret });
    expect(made.secret).toBe(secret);
  });

  test('never shows the value of a header that may be secret, though it sends it', async () => {
    const headers = {
      Authorization: 'Bearer hush-1',
      'X-Api-Key': 'hush-2',
      'x-auth-token': 'hush-3',
      'x-plain': 'shown',
    };
    const { id } = await createEndpoint(stage.api, { url: `${url()}/hush`, headers });
    const delivery = await settled(stage.api, await sendTo(stage.api, id));
    const shown = await Promise.all(
      [`/v1/endpoints/${id}`, '/v1/endpoints?limit=100', `/v1/deliveries/${delivery.id}/attempts`].map((path) =>
        stage.api.get(path),
      ),
    );
    shown.push(await stage.api.patch(`/v1/endpoints/${id}`, { description: 'x' }));
    for (const { text } of shown) {
      expect(text).not.toContain('hush-');
      expect(text).toContain('"x-plain":"shown"');
    }
    const [request] = await stage.receiver.waitFor(({ path }) => path === '/ok/hush');
    expect(request?.headers).toMatchObject({
      authorization: 'Bearer hush-1',
      'x-api-key': 'hush-2',
      'x-plain': 'shown',
    });
    // The mask is no value: sent back, it would replace the secret.
    const { headers: masked } = await read(id);
    await refusal(stage.api.patch(`/v1/endpoints/${id}`, { headers: masked }), 'validation_failed');
  });
});
