import { expect, it } from 'vitest';
import { post } from './client.ts';
import { running } from './running.ts';

const get = (url: string) => post(url, { method: 'GET' });

it('the inbox lists the newest request first', async () => {
  const { url } = await running();
  for (const path of ['/ok/1', '/ok/2', '/status/500']) await post(url + path, { body: '{"a":1}' });
  const { requests, counts } = JSON.parse((await get(`${url}/_inbox?limit=2`)).body);
  expect(requests).toMatchObject([
    { path: '/status/500', body: '{"a":1}', sequence: 3 },
    { path: '/ok/2', sequence: 2 },
  ]);
  expect(counts).toEqual({ total: 3, verified: 0, unverified: 3 });
});

it('the inbox tells only what came after, when asked', async () => {
  const { url } = await running();
  await post(`${url}/ok/1`);
  await post(`${url}/ok/2`);
  expect(JSON.parse((await get(`${url}/_inbox?after=1`)).body).requests).toMatchObject([{ path: '/ok/2' }]);
  expect(JSON.parse((await get(`${url}/_inbox?after=2`)).body).requests).toEqual([]);
});

it.each(['limit=x', 'limit=-1', 'limit=1e99', 'after=x'])('the inbox survives ?%s', async (query) => {
  const { url } = await running();
  expect((await get(`${url}/_inbox?${query}`)).status).toBe(200);
});

it('two receivers say that they are two, so that the page notices a restart', async () => {
  const [first, second] = [await running(), await running()];
  const run = async (url: string) => JSON.parse((await get(`${url}/_inbox`)).body).run;
  expect(await run(first.url)).toBe(await run(first.url));
  expect(await run(first.url)).not.toBe(await run(second.url));
});

it.each([
  ['/', 'text/html; charset=utf-8'],
  ['/_inbox/page.css', 'text/css; charset=utf-8'],
  ['/_inbox/page.js', 'text/javascript; charset=utf-8'],
  ['/_inbox/icon.svg', 'image/svg+xml'],
])('the page and its parts come with a policy that lets nothing inline run (%s)', async (path, type) => {
  const receiver = await running();
  const { status, headers } = await get(receiver.url + path);
  expect(status).toBe(200);
  expect(headers['content-type']).toBe(type);
  expect(headers['content-security-policy']).toMatch(/default-src 'none'.*script-src 'self'/);
  expect(headers['content-security-policy']).not.toContain('unsafe');
  expect(headers['x-content-type-options']).toBe('nosniff');
  expect(receiver.counts.total).toBe(0);
});

it('the page has no inline script, style or handler, which its policy would stop', async () => {
  const { url } = await running();
  const { body } = await get(url);
  expect(body).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/);
});

it('the script of the page puts text in as text', async () => {
  const { url } = await running();
  expect((await get(`${url}/_inbox/page.js`)).body).not.toMatch(
    /innerHTML|outerHTML|insertAdjacentHTML|document\.write/,
  );
});
