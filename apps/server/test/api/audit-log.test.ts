import { beforeAll, expect, test } from 'vitest';
import { all, answer, type List, settled } from '../kit/answers.ts';
import type { Api, Reply } from '../kit/api.ts';
import { onBothDatabases } from '../kit/database.ts';
import { type Operation, readDocument } from '../kit/document.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';
import { until } from '../kit/until.ts';
import { fill, sampleOf, validCall, valuesOf } from './samples.ts';
import { nonexistent, settle, type Tenant } from './tenant.ts';

/** Operation, not administration: what is sent, and sent again one by one. */
const SENDS = [
  ...['publishMessage', 'publishBatch', 'sendDirect', 'sendWebhook', 'publishEvent'],
  ...['testEndpoint', 'retryDelivery'],
];
/** Reading these shows a secret, or makes one. */
const REVEALS = ['getEndpointSecret', 'getDashboardAccess'];
/** What an act on many things at once is about. */
const SUBJECTS: Readonly<Record<string, string>> = { importEventTypes: 'catalogue' };

interface Entry {
  readonly id: string;
  readonly action: string;
  readonly subject: string;
  readonly actor: { readonly kind: string; readonly id: string | null; readonly name?: string };
  readonly details: Record<string, unknown>;
  readonly request_id: string | null;
  readonly created_at: string;
}

onBothDatabases('the audit log', (kind) => {
  const stage = stageOn(kind);
  let acts: Operation[];
  let others: Operation[];
  let tenant: Tenant;

  const name = ({ id }: Operation) => id.replace(/OfApplication$/, '');
  const log = (api: Api = stage.api) => all<Entry>(api, '/v1/audit-log');
  const requestId = ({ headers }: Reply) => headers.get('x-request-id');

  beforeAll(async () => {
    const { operations } = await readDocument(stage.api);
    const isAct = (each: Operation) =>
      (each.method !== 'GET' && !SENDS.includes(name(each))) || REVEALS.includes(name(each));
    acts = operations.filter(isAct);
    others = operations.filter((each) => !isAct(each) && !each.isPublic);
    tenant = await settle(stage.postrider.url, stage.api, `${stage.receiver.url}/status/400`);
  });

  test('has one entry of every administrative act, about the thing it was done to', async () => {
    const made: { operation: Operation; path: string; reply: Reply }[] = [];
    for (const operation of acts) {
      const { path, body } = await validCall(operation, tenant);
      const reply = await tenant.as.admin.call(operation.method, path, body);
      expect(reply.status, `${operation.id}: ${reply.text}`).toBeLessThan(300);
      made.push({ operation, path, reply });
    }
    const entries = await log();
    const wrong: Record<string, unknown> = {};
    for (const { operation, path, reply } of made) {
      const [entry, ...more] = entries.filter(({ request_id }) => request_id === requestId(reply));
      const { id, job_id, name: ownName } = reply.body;
      const things = [id, job_id, ownName, SUBJECTS[name(operation)], ...path.split(/[/?]/)];
      const isRight =
        entry &&
        more.length === 0 &&
        things.includes(entry.subject) &&
        /^[a-z_]+\.[a-z_]+$/.test(entry.action) &&
        entry.actor.kind === 'api_key' &&
        entry.actor.id === tenant.keyId;
      if (!isRight) wrong[operation.id] = { entry, more, things };
    }
    expect(wrong).toEqual({});
    expect(acts.length).toBeGreaterThan(20);
  });

  test('has nothing of a call that was refused, of sends and of reads', async () => {
    const silent: (string | null)[] = [];
    for (const operation of acts) {
      const sample = sampleOf(operation);
      const known = fill(operation.path, valuesOf(sample, tenant));
      const unknown = fill(operation.path, valuesOf(sample, nonexistent()));
      const refused = [
        ...(sample.scope === 'read' ? [] : [await tenant.as.read.call(operation.method, known, sample.body?.(tenant))]),
        // What is put where nothing is, is made.
        ...(known === unknown || operation.method === 'PUT'
          ? []
          : [await stage.api.call(operation.method, unknown, sample.body?.(tenant))]),
        ...(sample.body ? [await stage.api.call(operation.method, known, { no_such_field: 1 })] : []),
        ...(operation.method === 'GET' ? [] : [await stage.api.call(operation.method, known, '{')]),
      ];
      const accepted = refused.filter(({ status }) => status < 400);
      expect(accepted.map(({ text }) => `${operation.id}: ${text}`)).toEqual([]);
      silent.push(...refused.map(requestId));
    }
    for (const operation of others) {
      const { path, body } = await validCall(operation, tenant);
      silent.push(requestId(await tenant.as.admin.call(operation.method, path, body)));
    }
    const told = (await log()).filter(({ request_id }) => silent.includes(request_id));
    // An event makes the application it names.
    expect(told.filter(({ details }) => details.by !== 'event')).toEqual([]);
  });

  test('has one entry of a call that is made twice with one idempotency key, and none of a dry run', async () => {
    const key = { 'idempotency-key': 'twice' };
    const call = () => stage.api.post('/v1/endpoints', { url: 'https://example.com/twice' }, key);
    const [one, two] = [await call(), await call()];
    expect([one.status, two.headers.get('idempotent-replayed')]).toEqual([201, 'true']);
    const about = (await log()).filter(({ subject }) => subject === one.body.id);
    expect(about).toMatchObject([{ action: 'endpoint.create' }]);

    const dry = await stage.api.post('/v1/deliveries/replay', { filter: {}, dry_run: true });
    expect(dry.status).toBe(200);
    expect((await log()).map(({ request_id }) => request_id)).not.toContain(requestId(dry));
  });

  test('tells of an application that an event made, once', async () => {
    const send = () => stage.api.post('/v1/app/newcomer/event', { event_type: 'a', payload: {} });
    await Promise.all([send(), send(), send()]);
    const { id } = await answer<{ id: string }>(stage.api.get('/v1/app/newcomer'), 200);
    const about = (await log()).filter(({ subject }) => subject === id);
    expect(about).toMatchObject([{ action: 'application.create', details: { by: 'event' } }]);
  });

  test('tells of an endpoint that sends to a URL made, once', async () => {
    const event = { destination: `${stage.receiver.url}/ok/audited`, event_type: 'a', payload: {} };
    const send = () => answer<{ endpoint_id: string }>(stage.api.post('/v1/send', event), 202);
    const [{ endpoint_id }] = await Promise.all([send(), send(), send()]);
    const about = (await log()).filter(({ subject }) => subject === endpoint_id);
    expect(about).toMatchObject([{ action: 'endpoint.create', details: { by: 'send' } }]);
  });

  test('tells of what Postrider did by itself', async () => {
    const id = await tenant.newEndpoint({ url: `${stage.receiver.url}/status/410` });
    const sent = await answer<{ delivery_id: string }>(
      stage.api.post('/v1/send', { destination: id, event_type: 'a', payload: {} }),
      202,
    );
    await settled(stage.api, sent.delivery_id);
    const [entry] = await until(
      async () => (await log()).filter(({ subject, action }) => subject === id && action === 'endpoint.disable'),
      (entries) => entries.length > 0,
    );
    expect(entry).toMatchObject({ actor: { kind: 'system', id: null }, details: { reason: 'gone' }, request_id: null });
  });

  test('is read page by page, by action and by time', async () => {
    const page = await answer<List<Entry>>(stage.api.get('/v1/audit-log?limit=2'), 200);
    expect(page.data).toHaveLength(2);
    const rest = await answer<List<Entry>>(stage.api.get(`/v1/audit-log?limit=2&cursor=${page.next_cursor}`), 200);
    const everything = await log();
    expect([...page.data, ...rest.data]).toEqual(everything.slice(0, 4));

    const reveals = await all<Entry>(stage.api, '/v1/audit-log?action=endpoint.reveal_secret');
    expect(reveals.length).toBeGreaterThan(0);
    expect(reveals).toEqual(everything.filter(({ action }) => action === 'endpoint.reveal_secret'));
    const [newest] = everything;
    const since = await all<Entry>(stage.api, `/v1/audit-log?since=${newest?.created_at}`);
    expect(since).toEqual(everything.filter(({ created_at }) => created_at >= (newest?.created_at ?? '')));
    expect(await all(stage.api, `/v1/audit-log?until=2020-01-01T00:00:00Z`)).toEqual([]);
    await refusal(tenant.as.write.get('/v1/audit-log'), 'insufficient_scope');
  });

  test('names a key for as long as it is there, and holds no secret', async () => {
    const { id, key } = await tenant.newKey('admin');
    const made = (entries: Entry[]) => entries.find(({ subject }) => subject === id);
    expect(made(await log())?.actor).toEqual({ kind: 'api_key', id: expect.any(String), name: 'bootstrap' });
    const text = JSON.stringify(await log());
    for (const secret of [key, 'whsec_', 'whsk_']) expect(text).not.toContain(secret);
  });
});
