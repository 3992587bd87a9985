import { Ordering, type Svix } from 'svix';
import { beforeAll, expect, test } from 'vitest';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';
import { backwards, forwards, refused, svixClient } from './client.ts';

const APP = 'acme';
const url = 'https://example.com/hook';

onBothDatabases('an endpoint of the Svix client', (kind) => {
  const stage = stageOn(kind);
  let svix: Svix;

  beforeAll(async () => {
    svix = svixClient(stage.postrider);
    await svix.application.create({ name: 'Acme', uid: APP });
  });

  test('is what was asked for, by its id and by its uid', async () => {
    const settings = {
      url,
      uid: 'first',
      description: 'ours',
      throttleRate: 5,
      eventTypes: ['invoice.paid'],
      channels: ['eu'],
      metadata: { a: 'b' },
    };
    const made = await svix.endpoint.create(APP, { ...settings, headers: { 'x-a': '1' } });
    expect(made).toEqual({
      ...settings,
      id: expect.stringMatching(/^ep_/),
      disabled: false,
      createdAt: expect.any(Date),
      updatedAt: made.createdAt,
    });
    expect(await svix.endpoint.get(APP, made.id)).toEqual(made);
    expect(await svix.endpoint.get(APP, 'first')).toEqual(made);
    expect(await svix.endpoint.create(APP, { url })).toMatchObject({
      uid: null,
      description: '',
      throttleRate: null,
      eventTypes: null,
      channels: null,
      metadata: {},
      disabled: false,
    });
    expect(await refused(svix.endpoint.create(APP, { url, uid: 'first' }), 409)).toMatchObject({ code: 'conflict' });
  });

  test('is patched: what is left out stays, and null is not the same', async () => {
    const { id } = await svix.endpoint.create(APP, { url, uid: 'patched', eventTypes: ['a'], channels: ['eu'] });
    expect(await svix.endpoint.patch(APP, 'patched', { description: 'new', throttleRate: 2 })).toMatchObject({
      ...{ description: 'new', throttleRate: 2, eventTypes: ['a'], channels: ['eu'], uid: 'patched', url },
    });
    expect(await svix.endpoint.patch(APP, id, { eventTypes: null, channels: null })).toMatchObject({
      ...{ eventTypes: null, channels: null, throttleRate: 2 },
    });
    expect(await svix.endpoint.patch(APP, id, { throttleRate: null, uid: null })).toMatchObject({
      ...{ throttleRate: null, uid: null, description: 'new' },
    });
    expect(await svix.endpoint.patch(APP, id, { disabled: true })).toMatchObject({ disabled: true });
    expect(await svix.endpoint.patch(APP, id, { disabled: false })).toMatchObject({ disabled: false });
    await refused(svix.endpoint.get(APP, 'patched'), 404);
  });

  test('is put: what is left out is as in a new one; one that is not there is made under its name', async () => {
    const secret = `whsec_${'A'.repeat(32)}`;
    const settings = { uid: 'put', eventTypes: ['a'], throttleRate: 2, metadata: { a: 'b' }, disabled: true };
    const { id } = await svix.endpoint.create(APP, { url, ...settings, secret, headers: { 'x-a': '1' } });
    expect(await svix.endpoint.upsert(APP, 'put', { url: `${url}/2`, uid: 'put' })).toMatchObject({
      ...{ id, url: `${url}/2`, uid: 'put', eventTypes: null, throttleRate: null, metadata: {}, disabled: false },
    });
    expect((await svix.endpoint.getHeaders(APP, id)).headers).toEqual({ 'x-a': '1' });
    expect(await svix.endpoint.getSecret(APP, id)).toEqual({ key: secret });
    expect(await svix.endpoint.upsert(APP, 'new-by-put', { url })).toMatchObject({ uid: 'new-by-put', url });
    await refused(svix.endpoint.upsert(APP, 'ep_01JX9Z5T4QK8W0V3N7M2B6C1DF', { url }), 404);
    await refused(svix.endpoint.upsert('nobody', 'new-by-put', { url }), 404);
    await refused(svix.endpoint.upsert(APP, 'other', { url, uid: 'another' }), 422);
  });

  test('takes a secret with its prefix and without', async () => {
    const bare = Buffer.alloc(32, 7).toString('base64');
    for (const secret of [bare, `whsec_${bare}`]) {
      const { id } = await svix.endpoint.create(APP, { url, secret });
      expect(await svix.endpoint.getSecret(APP, id)).toEqual({ key: `whsec_${bare}` });
    }
    expect(await refused(svix.endpoint.create(APP, { url, secret: 'short' }), 422)).toMatchObject({
      detail: [{ loc: ['body', 'secret'] }],
    });
  });

  test('has headers: set, changed one by one, taken away; secret ones are named and not shown', async () => {
    const { id } = await svix.endpoint.create(APP, { url, headers: { 'X-A': '1', authorization: 'Bearer x' } });
    const headers = () => svix.endpoint.getHeaders(APP, id);
    expect(await headers()).toEqual({ headers: { 'x-a': '1' }, sensitive: ['authorization'] });
    await svix.endpoint.patchHeaders(APP, id, { headers: { 'X-a': '2', 'x-b': '3' } });
    expect(await headers()).toEqual({ headers: { 'x-a': '2', 'x-b': '3' }, sensitive: ['authorization'] });
    await svix.endpoint.patchHeaders(APP, id, { headers: {}, deleteHeaders: ['X-A', 'Authorization'] });
    expect(await headers()).toEqual({ headers: { 'x-b': '3' }, sensitive: [] });
    await svix.endpoint.setHeaders(APP, id, { headers: { 'x-c': '4' } });
    expect(await headers()).toEqual({ headers: { 'x-c': '4' }, sensitive: [] });
    expect(await refused(svix.endpoint.setHeaders(APP, id, { headers: { host: 'a' } }), 422)).toMatchObject({
      detail: [{ loc: ['body', 'headers', 'host'] }],
    });
    const { id: bare } = await svix.endpoint.create(APP, { url });
    expect(await svix.endpoint.getHeaders(APP, bare)).toEqual({ headers: {}, sensitive: [] });
  });

  test('cannot be where deliveries must not go', async () => {
    expect(await refused(svix.endpoint.create(APP, { url: 'https://10.0.0.1/' }), 422)).toEqual({
      detail: [{ loc: ['body', 'url'], msg: expect.stringContaining('egress_blocked'), type: 'value_error' }],
    });
    for (const [field, value] of Object.entries({ throttleRate: 0, eventTypes: [] })) {
      expect(await refused(svix.endpoint.create(APP, { url, [field]: value }), 422)).toEqual({
        detail: expect.arrayContaining([expect.objectContaining({ loc: ['body', field] })]),
      });
    }
  });

  test('is deleted', async () => {
    const { id } = await svix.endpoint.create(APP, { url, uid: 'leaving' });
    await svix.endpoint.delete(APP, 'leaving');
    await refused(svix.endpoint.get(APP, id), 404);
    await refused(svix.endpoint.delete(APP, id), 404);
    await svix.endpoint.create(APP, { url, uid: 'leaving' });
  });

  test('is listed with all others, to the end and back, in both orders', async () => {
    await svix.application.create({ name: 'Listed', uid: 'listed' });
    const made: string[] = [];
    for (let n = 0; n < 12; n++) made.push((await svix.endpoint.create('listed', { url })).id);
    for (const order of [Ordering.Ascending, Ordering.Descending]) {
      const list = (iterator: string | null) => svix.endpoint.list('listed', { iterator, limit: 5, order });
      const pages = await forwards(list);
      const ids = pages.flatMap(({ data }) => data.map(({ id }) => id));
      expect(ids).toEqual(order === Ordering.Ascending ? made : made.toReversed());
      const [last] = pages.slice(-1);
      const back = last ? await backwards(last, list) : [];
      expect(back.toReversed().flatMap(({ data }) => data.map(({ id }) => id))).toEqual(ids.slice(0, 10));
    }
  });

  test('is made once by calls with one idempotency key', async () => {
    const options = { idempotencyKey: 'one' };
    const made = await svix.endpoint.create(APP, { url }, options);
    expect(await svix.endpoint.create(APP, { url }, options)).toEqual(made);
  });
});
