import { expect, test } from 'vitest';
import { SVIX_MOUNT } from '../../src/api/svix/mount.ts';
import { answer, createEndpoint } from '../kit/answers.ts';
import { Api } from '../kit/api.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { quietRedisOn } from '../kit/quiet-redis.ts';
import { stageOn } from '../kit/stage.ts';
import { openPortal } from '../portal/session.ts';

const HERE = 'https://example.com/hook';
const ELSEWHERE = 'https://example.org/hook';
const SECRET = { authorization: 'Bearer of-the-producer', 'x-tenant': 'acme' };
const REFUSED = {
  errors: [
    {
      path: '/headers',
      message: 'are to be given anew, as the endpoint leads elsewhere: authorization is not shown',
    },
  ],
};

onBothDatabases('an endpoint with a header that nobody is shown', (kind) => {
  const stage = stageOn(kind);
  const redis = quietRedisOn('events');
  const create = async (headers: object = SECRET) => (await createEndpoint(stage.api, { url: HERE, headers })).id;
  const path = (id: string) => `/v1/app/default/endpoints/${id}`;

  test.each<[string, () => Promise<Api>]>([
    ['a key', async () => stage.api],
    ['a session', () => session(['manage_endpoints'])],
    ['a session that may reveal secrets', () => session(['manage_endpoints', 'reveal_secret'])],
  ])('is not led to another origin by %s that does not give it anew', async (_, caller) => {
    const [api, id] = [await caller(), await create()];
    for (const url of [
      ELSEWHERE,
      'https://example.com:8443/hook',
      'http://example.com/hook',
      'https://a.example.com',
    ]) {
      expect(await refusal(api.patch(path(id), { url }), 'validation_failed'), url).toMatchObject(REFUSED);
    }
    expect((await stage.api.get(path(id))).body.url).toBe(HERE);
  });

  test('is led elsewhere within its origin, or with all its headers given anew', async () => {
    const id = await create();
    await answer(stage.api.patch(path(id), { url: 'https://EXAMPLE.com:443/other?a=b' }), 200);
    await answer(stage.api.patch(path(id), { url: ELSEWHERE, headers: { authorization: 'Bearer mine' } }), 200);
    expect((await stage.api.get(path(id))).body).toMatchObject({
      url: ELSEWHERE,
      headers: { authorization: '••••••' },
    });
    // None of what was there goes along.
    await answer(stage.api.patch(path(id), { url: HERE, headers: {} }), 200);
    await answer(stage.api.patch(path(id), { url: ELSEWHERE }), 200);
  });

  test('moves freely without one', async () => {
    const id = await create({ 'x-tenant': 'acme' });
    await answer(stage.api.patch(path(id), { url: ELSEWHERE }), 200);
  });

  test('is held by a broker as well, that asks for no secret of its own', async () => {
    const { id } = await answer<{ id: string }>(
      stage.api.post('/v1/endpoints', { type: 'redis', config: redis.config(), headers: SECRET, events: ['no'] }),
      201,
    );
    await answer(stage.api.patch(path(id), { config: { username: null, password: null } }), 200);
    const config = { url: redis.url.replace('127.0.0.1', '127.0.0.2') };
    expect(await refusal(stage.api.patch(path(id), { config }), 'validation_failed')).toMatchObject(REFUSED);
    await answer(stage.api.patch(path(id), { config: { stream: 'others' } }), 200);
  });

  test('is held by the Svix surface alike, which says where headers are given', async () => {
    const id = await create();
    const endpoint = `${SVIX_MOUNT}/app/default/endpoint/${id}`;
    const detail = [
      {
        loc: ['body', 'headers'],
        msg: expect.stringContaining('take out authorization with PATCH …/headers'),
        type: 'value_error',
      },
    ];
    for (const method of ['PUT', 'PATCH'] as const) {
      const reply = await stage.api.call(method, endpoint, { url: ELSEWHERE });
      expect([reply.status, reply.body]).toEqual([422, { detail }]);
      await answer(stage.api.call(method, endpoint, { url: `${HERE}/${method}` }), 200);
    }
    await answer(stage.api.patch(`${endpoint}/headers`, { headers: {}, deleteHeaders: ['Authorization'] }), 204);
    await answer(stage.api.patch(endpoint, { url: ELSEWHERE }), 200);
    await answer(stage.api.patch(`${endpoint}/headers`, { headers: { authorization: 'Bearer mine' } }), 204);
  });

  async function session(capabilities: string[]): Promise<Api> {
    const { token } = await openPortal(stage.api, stage.postrider.url, 'default', { capabilities });
    return new Api(stage.postrider.url, token);
  }
});
