import { beforeEach, expect, test } from 'vitest';
import { type Application, answer } from '../kit/answers.ts';
import { Api, type Reply } from '../kit/api.ts';
import { TestClock } from '../kit/clock.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';
import { openPortal } from './session.ts';

const LIMIT = 300;

onBothDatabases('what the portal of an application may ask in a minute', (kind) => {
  const clock = new TestClock('2026-11-21T09:30:00Z');
  const stage = stageOn(kind, { substitutes: { now: clock.now } });
  let made = 0;
  let app: string;

  beforeEach(async () => {
    clock.set('2026-11-21T09:30:00Z');
    app = (await answer<Application>(stage.api.post('/v1/app', { name: 'Acme', uid: `acme-${made++}` }), 201)).id;
  });

  const session = async (of = app) =>
    new Api(stage.postrider.url, (await openPortal(stage.api, stage.postrider.url, of)).token);
  const endpoints = (api: Api, of = app) => api.get(`/v1/app/${of}/endpoints`);
  const shown = ({ headers }: Reply) =>
    ['limit', 'remaining', 'reset'].map((name) => Number(headers.get(`ratelimit-${name}`)));

  test('is counted over its sessions, and refused beyond until the minute is over', async () => {
    const [one, two] = [await session(), await session()];
    const replies = await Promise.all(Array.from({ length: LIMIT + 20 }, (_, n) => endpoints(n % 2 ? one : two)));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(LIMIT);
    clock.set('2026-11-21T09:30:47.200Z');
    const refused = await endpoints(await session());
    expect(await refusal(refused, 'rate_limited')).toMatchObject({
      detail: 'the portal of an application may make 300 requests in a minute',
      reset_at: '2026-11-21T09:31:00.000Z',
    });
    expect([...shown(refused), refused.headers.get('retry-after')]).toEqual([LIMIT, 0, 13, '13']);
    clock.set('2026-11-21T09:31:00Z');
    expect(shown(await endpoints(one))).toEqual([LIMIT, LIMIT - 1, 60]);
  });

  test('is said on every answer and counts whatever is asked, allowed or not, on both surfaces', async () => {
    const api = await session();
    const calls: [number, () => Promise<Reply>][] = [
      [200, () => endpoints(api)],
      [403, () => api.get('/v1/api-keys')],
      [404, () => endpoints(api, 'default')],
      [200, () => api.get(`/svix/api/v1/app/${app}/endpoint`)],
      [400, () => api.post(`/v1/app/${app}/endpoints`, '{')],
      [204, () => api.delete('/v1/portal/session')],
    ];
    let left = LIMIT;
    for (const [status, call] of calls) {
      const reply = await call();
      expect([reply.status, ...shown(reply)], reply.text).toEqual([status, LIMIT, --left, 60]);
    }
  });

  test('concerns neither another application nor API keys', async () => {
    const { id: other } = await answer<Application>(stage.api.post('/v1/app', { name: 'Other' }), 201);
    const [api, theirs] = [await session(), await session(other)];
    await Promise.all(Array.from({ length: LIMIT }, () => endpoints(api)));
    expect((await endpoints(api)).status).toBe(429);
    expect((await endpoints(theirs, other)).status).toBe(200);
    expect((await endpoints(stage.api)).status).toBe(200);
  });
});
