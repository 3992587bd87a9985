import { messageInRaw, type Svix } from 'svix';
import { beforeAll, expect, test } from 'vitest';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';
import { refused, svixClient } from './client.ts';

onBothDatabases('a message of the Svix client', (kind) => {
  const stage = stageOn(kind);
  let svix: Svix;
  let appId: string;
  beforeAll(async () => {
    svix = svixClient(stage.postrider);
    appId = (await svix.application.create({ name: 'Acme', uid: 'acme' })).id;
  });

  const event = { eventType: 'invoice.paid', payload: { amount: 1 } };
  const refusedEvent = (more: object, status = 422) =>
    refused(svix.message.create('acme', { ...event, ...more }), status);

  test('is what was sent', async () => {
    const made = await svix.message.create(
      'acme',
      { ...event, eventId: 'evt-1', channels: ['eu'] },
      { withContent: true },
    );
    expect(made).toEqual({
      id: expect.stringMatching(/^msg_/),
      eventId: 'evt-1',
      eventType: 'invoice.paid',
      payload: { amount: 1 },
      channels: ['eu'],
      timestamp: expect.any(Date),
      tags: null,
      deliverAt: null,
    });
    expect(await svix.message.get('acme', made.id, { withContent: true })).toEqual(made);
    expect(await svix.message.get(appId, 'evt-1')).toEqual({ ...made, payload: {} });
  });

  test('without content shows none, and the client asks for none', async () => {
    const { id, payload } = await svix.message.create('acme', event);
    expect(payload).toEqual({});
    // By hand, without a word about it, Svix shows it.
    expect((await stage.api.get(`/svix/api/v1/app/acme/msg/${id}`)).body.payload).toEqual({ amount: 1 });
  });

  test('is shown byte for byte as it was posted', async () => {
    const payload = '{ "amount": 1.0, "big": 12345678901234567890, "t\\u00e9xt": "é" }';
    const body = `{"eventType":"invoice.paid","payload":${payload}}`;
    const made = await stage.api.post('/svix/api/v1/app/acme/msg', body);
    expect(made.status).toBe(202);
    expect(made.text).toContain(`"payload":${payload}`);
    const read = await stage.api.get(`/svix/api/v1/app/acme/msg/${made.body.id}`);
    expect(read.text).toContain(`"payload":${payload}`);
    const list = await stage.api.get('/svix/api/v1/app/acme/msg');
    expect(list.text).toContain(`"payload":${payload}`);
  });

  test('can be text that goes out as it is', async () => {
    const raw = messageInRaw('invoice.paid', '{ "amount": 1.0 }', 'application/json');
    const { id } = await svix.message.create('acme', raw);
    expect((await stage.api.get(`/svix/api/v1/app/acme/msg/${id}`)).text).toContain('"payload":{ "amount": 1.0 }');
    for (const text of ['<xml/>', '5', '{} ,"a":1', '']) {
      await refused(svix.message.create('acme', messageInRaw('invoice.paid', text)), 422);
    }
    await refused(svix.message.create('acme', messageInRaw('invoice.paid', '{}', 'text/xml')), 422);
  });

  test('has an eventId that nobody else has that day, in its application', async () => {
    const first = await svix.message.create('acme', { ...event, eventId: 'once' }, { idempotencyKey: 'k' });
    expect(await svix.message.create('acme', { ...event, eventId: 'once' }, { idempotencyKey: 'k' })).toEqual(first);
    expect(await refusedEvent({ eventId: 'once' }, 409)).toEqual({ code: 'conflict', detail: expect.any(String) });
    const reply = await stage.api.post('/svix/api/v1/app/acme/msg', { ...event, eventId: 'once' });
    expect(reply.status).toBe(409);
    await svix.application.create({ name: 'Other', uid: 'other' });
    await svix.message.create('other', { ...event, eventId: 'once' });
    const many = await Promise.allSettled(
      Array.from({ length: 8 }, () => svix.message.create('acme', { ...event, eventId: 'race' })),
    );
    expect(many.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('makes its application where it says how', async () => {
    await refused(svix.message.create('unknown', event), 404);
    const application = { name: 'Made', metadata: { a: 'b' } };
    await svix.message.create('made-by-message', { ...event, application });
    expect(await svix.application.get('made-by-message')).toMatchObject(application);
    await svix.message.create('made-by-message', { ...event, application: { name: 'Ignored' } });
    expect(await svix.application.get('made-by-message')).toMatchObject(application);
    expect(
      await refused(svix.message.create('x-by-message', { ...event, application: { name: 'a', uid: 'y' } }), 422),
    ).toMatchObject({ detail: [{ loc: ['body', 'application', 'uid'] }] });
    await refused(svix.message.create('z-by-message', { ...event, payload: 5, application }), 422);
    await refused(svix.application.get('z-by-message'), 404);
  });

  test('is refused where it cannot be', async () => {
    expect(await refusedEvent({ payload: 'text' })).toMatchObject({ detail: [{ loc: ['body', 'payload'] }] });
    expect(await refusedEvent({ eventType: 'a b' })).toMatchObject({ detail: [{ loc: ['body', 'eventType'] }] });
    const late = new Date(Date.now() + 40 * 86_400_000);
    expect(await refusedEvent({ deliverAt: late })).toMatchObject({ detail: [{ loc: ['body', 'deliverAt'] }] });
    for (const unsupported of [{ tags: ['a'] }, { payloadRetentionPeriod: 30 }, { payloadRetentionHours: 5 }]) {
      await refusedEvent(unsupported);
    }
    await refused(svix.message.get('acme', 'nobody'), 404);
    await refused(svix.message.get('acme', 'msg_01JX9Z5T4QK8W0V3N7M2B6C1DF'), 404);
  });

  test('is listed by event type and channel', async () => {
    const { id } = await svix.application.create({ name: 'Listed' });
    const one = await svix.message.create(id, { ...event, eventType: 'one' });
    const two = await svix.message.create(id, { ...event, eventType: 'two', channels: ['eu', 'us'] });
    const three = await svix.message.create(id, { ...event, eventType: 'three', channels: ['us'] });
    const listed = async (options: object) => (await svix.message.list(id, options)).data;
    expect(await listed({})).toEqual([three, two, one]);
    expect(await listed({ eventTypes: ['one', 'three'] })).toEqual([three, one]);
    expect(await listed({ channel: 'eu' })).toEqual([two]);
    expect(await listed({ channel: 'us', eventTypes: ['three', 'nothing'] })).toEqual([three]);
    expect(await listed({ channel: 'u' })).toEqual([]);
  });

  test('can be asked about before it is sent', async () => {
    const { id } = await svix.application.create({ name: 'Asked' });
    const url = `${stage.receiver.url}/ok`;
    expect(await svix.message.precheck(id, { eventType: 'invoice.paid' })).toEqual({ active: false });
    await stage.api.post(`/v1/app/${id}/endpoints`, { url, events: ['invoice.*'] });
    expect(await svix.message.precheck(id, { eventType: 'invoice.paid' })).toEqual({ active: true });
    expect(await svix.message.precheck(id, { eventType: 'user.created' })).toEqual({ active: false });
  });
});
