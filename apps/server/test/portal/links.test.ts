import { expect, test } from 'vitest';
import { type Application, answer } from '../kit/answers.ts';
import { Api } from '../kit/api.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';
import { codeIn, type Link, type Opened, openPortal } from './session.ts';

onBothDatabases('a link into the portal', (kind) => {
  const stage = stageOn(kind);
  const link = async (body: object = {}, app = 'default') =>
    answer<Link>(stage.api.post(`/v1/app/${app}/portal`, body), 201);
  const open = (code: string) => new Api(stage.postrider.url, 'nobody').post('/v1/portal/session', { code });

  test('has its code in the fragment, and lives for minutes', async () => {
    const before = Date.now();
    const { url, expires_at } = await link({ expires_in: 120 });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/portal#prl_[A-Za-z0-9_-]{43}$/);
    expect(url.startsWith(`${stage.postrider.url}/`)).toBe(true);
    const seconds = (Date.parse(expires_at) - before) / 1000;
    expect(seconds).toBeGreaterThan(60);
    expect(seconds).toBeLessThan(180);
    for (const expires_in of [59, 3_601, 1.5, '120']) {
      await refusal(stage.api.post('/v1/app/default/portal', { expires_in }), 'validation_failed');
    }
  });

  test('is exchanged for a session once, however many try', async () => {
    const theme = { mode: 'dark', name: 'Acme', logo_url: 'https://acme.example/logo.svg', primary_color: '#1f6feb' };
    const { url } = await link({ capabilities: ['replay'], theme, return_url: 'https://acme.example/back?a=b' });
    const replies = await Promise.all(Array.from({ length: 8 }, () => open(codeIn(url))));
    expect(replies.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 7 }, () => 401)]);
    const opened = replies.find(({ status }) => status === 201)?.body as unknown as Opened;
    const { id } = await answer<Application>(stage.api.get('/v1/app/default'), 200);
    expect(opened).toEqual({
      token: expect.stringMatching(/^prs_[A-Za-z0-9_-]{43}$/),
      app_id: id,
      capabilities: ['view', 'replay'],
      theme,
      return_url: 'https://acme.example/back?a=b',
      expires_at: expect.any(String),
    });
    await refusal(open(codeIn(url)), 'unauthenticated');
  });

  test('allows everything, unless told otherwise', async () => {
    const { capabilities, theme, return_url } = await openPortal(stage.api, stage.postrider.url, 'default');
    expect({ capabilities, theme, return_url }).toEqual({
      capabilities: ['view', 'manage_endpoints', 'replay', 'reveal_secret'],
      theme: null,
      return_url: null,
    });
  });

  test('that nobody made opens nothing', async () => {
    for (const code of ['', 'prl_', `prl_${'a'.repeat(43)}`, `prs_${'a'.repeat(43)}`, 'x'.repeat(128)]) {
      await refusal(open(code), 'unauthenticated');
    }
    for (const body of [{}, { code: 5 }, { code: 'x'.repeat(129) }, [], { code: 'x', more: 1 }]) {
      await refusal(stage.api.post('/v1/portal/session', body), 'validation_failed');
    }
  });

  test('leads back to a web page and to nothing else', async () => {
    const wrong = [
      'javascript:alert(1)',
      'data:text/html,x',
      '/back',
      'https://a b',
      'https://a/"><script>',
      'https:\\\\a',
    ];
    for (const url of wrong) {
      await refusal(stage.api.post('/v1/app/default/portal', { return_url: url }), 'validation_failed');
      await refusal(stage.api.post('/v1/app/default/portal', { theme: { logo_url: url } }), 'validation_failed');
    }
    await refusal(
      stage.api.post('/v1/app/default/portal', { theme: { primary_color: 'red;x:y' } }),
      'validation_failed',
    );
    await refusal(stage.api.post('/v1/app/default/portal', { capabilities: ['all'] }), 'validation_failed');
  });

  test('comes with its code apart for who wants that', async () => {
    const { url, token } = await answer<{ url: string; token: string }>(
      stage.api.get('/v1/app/default/dashboard-access'),
      200,
    );
    expect(url).toBe(`${stage.postrider.url}/portal#${token}`);
    expect((await open(token)).status).toBe(201);
  });

  test('ends with the sessions that are revoked', async () => {
    await answer(stage.api.post('/v1/app', { name: 'Acme', uid: 'acme' }), 201);
    const { url } = await link({}, 'acme');
    const other = await link();
    expect((await stage.api.delete('/v1/app/acme/portal/sessions')).status).toBe(204);
    await refusal(open(codeIn(url)), 'unauthenticated');
    expect((await open(codeIn(other.url))).status).toBe(201);
  });

  test('goes with its application', async () => {
    await answer(stage.api.post('/v1/app', { name: 'Leaving', uid: 'leaving' }), 201);
    const { url } = await link({}, 'leaving');
    const { token } = await openPortal(stage.api, stage.postrider.url, 'leaving');
    expect((await stage.api.delete('/v1/app/leaving')).status).toBe(204);
    await refusal(open(codeIn(url)), 'unauthenticated');
    await refusal(new Api(stage.postrider.url, token).get('/v1/app/leaving/endpoints'), 'unauthenticated');
  });

  test('begins with what people reach this by', async () => {
    await stage.restart({ POSTRIDER_PUBLIC_URL: 'https://hooks.example.com/base/' });
    expect((await link()).url).toMatch(/^https:\/\/hooks\.example\.com\/base\/portal#prl_/);
  });
});
