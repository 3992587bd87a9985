import { beforeAll, expect, test } from 'vitest';
import { newId, publicId } from '../../src/core/ids.ts';
import {
  type Accepted,
  all,
  answer,
  type Delivery,
  type List,
  type MessageRow,
  type NewEndpoint,
  settled,
} from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('a list is narrowed', (kind) => {
  const stage = stageOn(kind);
  const accepted: Record<string, Accepted> = {};
  const endpoints: Record<string, NewEndpoint> = {};
  const uids = ['north', 'south'];

  // Two applications, each with an endpoint that takes all and one that refuses invoices; three messages to each.
  beforeAll(async () => {
    for (const uid of uids) {
      await answer(stage.api.post('/v1/app', { uid, name: uid }), 201);
      const endpoint = (settings: object) =>
        answer<NewEndpoint>(stage.api.post(`/v1/app/${uid}/endpoints`, { retry_policy: [], ...settings }), 201);
      endpoints[`${uid} good`] = await endpoint({ url: `${stage.receiver.url}/ok` });
      endpoints[`${uid} bad`] = await endpoint({ url: `${stage.receiver.url}/status/400`, events: ['invoice.*'] });
      for (const event_type of ['invoice.paid', 'invoice.sent', 'user.created']) {
        const body = { event_type, payload: {} };
        accepted[`${uid} ${event_type}`] = await answer(stage.api.post(`/v1/app/${uid}/messages`, body), 202);
      }
    }
    for (const { id } of await all<Delivery>(stage.api, '/v1/deliveries')) await settled(stage.api, id);
  });

  const messages = async (query: string, path = '/v1/messages') =>
    namesOf((await all<MessageRow>(stage.api, `${path}?${query}`)).map(({ id }) => id));
  const deliveries = async (query: string, path = '/v1/deliveries') =>
    (await all<Delivery>(stage.api, `${path}?${query}`))
      .map(({ endpoint_id, event_type, status }) => {
        const [name] = Object.entries(endpoints).find(([, { id }]) => id === endpoint_id) ?? [];
        return `${name} ${event_type} ${status}`;
      })
      .sort();
  const namesOf = (ids: string[]) =>
    ids.map((id) => Object.entries(accepted).find(([, message]) => message.id === id)?.[0] ?? id).sort();
  const idOf = (name: string) => endpoints[name]?.id ?? accepted[name]?.id ?? '';

  test('by event type', async () => {
    expect(await messages('event_type=invoice.paid')).toEqual(['north invoice.paid', 'south invoice.paid']);
    expect(await messages('event_type=invoice')).toEqual([]);
    expect(await deliveries('event_type=user.created')).toEqual([
      'north good user.created SENT',
      'south good user.created SENT',
    ]);
  });

  test('by application, in the query or in the path, by id or uid', async () => {
    const north = ['north invoice.paid', 'north invoice.sent', 'north user.created'];
    const { app_id } = endpoints['north good'] ?? {};
    expect(await messages('application=north')).toEqual(north);
    expect(await messages(`application=${app_id}`)).toEqual(north);
    expect(await messages('', '/v1/app/north/messages')).toEqual(north);
    expect(await messages('', `/v1/app/${app_id}/messages`)).toEqual(north);
    expect(await messages('application=default')).toEqual([]);
    expect(await deliveries('application=north')).toHaveLength(5);
    expect(await deliveries('', '/v1/app/north/deliveries')).toHaveLength(5);
    expect(await deliveries('')).toHaveLength(10);
  });

  test('by status, endpoint and message, and by several at once', async () => {
    expect(await deliveries('status=FAILED&application=south')).toEqual([
      'south bad invoice.paid FAILED',
      'south bad invoice.sent FAILED',
    ]);
    expect(await deliveries('status=PENDING')).toEqual([]);
    expect(await deliveries('status=SENDING')).toEqual([]);
    expect(await deliveries(`endpoint_id=${idOf('north bad')}`)).toEqual([
      'north bad invoice.paid FAILED',
      'north bad invoice.sent FAILED',
    ]);
    const paid = idOf('north invoice.paid');
    expect(await deliveries(`message_id=${paid}`)).toEqual([
      'north bad invoice.paid FAILED',
      'north good invoice.paid SENT',
    ]);
    expect(await deliveries(`message_id=${paid}&status=SENT&event_type=invoice.paid&application=north`)).toEqual([
      'north good invoice.paid SENT',
    ]);
    expect(await deliveries(`message_id=${paid}&endpoint_id=${idOf('south bad')}`)).toEqual([]);
    expect(await deliveries(`endpoint_id=${publicId('ep', newId())}`)).toEqual([]);
    expect(await deliveries('message_id=nonsense')).toEqual([]);
  });

  test('by time: from `since` on, before `until`, in any zone', async () => {
    const { created_at = '' } = accepted['south invoice.paid'] ?? {};
    const next = new Date(Date.parse(created_at) + 1).toISOString();
    const east = `${new Date(Date.parse(created_at) + 3_600_000).toISOString().slice(0, -1)}+01:00`;
    const south = await messages('application=south');
    for (const time of [created_at, east]) {
      expect(await messages(`application=south&since=${encodeURIComponent(time)}`)).toEqual(south);
      expect(await messages(`application=south&until=${encodeURIComponent(time)}`)).toEqual([]);
    }
    const during = await messages(`since=${created_at}&until=${next}`);
    expect(during).toContain('south invoice.paid');
    expect(await messages(`since=${next}&until=${created_at}`)).toEqual([]);
    const paid = `message_id=${idOf('south invoice.paid')}`;
    expect(await deliveries(`${paid}&since=${created_at}&until=${next}`)).toHaveLength(2);
    expect(await deliveries(`${paid}&since=${next}`)).toEqual([]);
    expect(await deliveries(`${paid}&until=${created_at}`)).toEqual([]);
  });

  test('and paged at once', async () => {
    const failed = await all<Delivery>(stage.api, '/v1/deliveries?status=FAILED');
    const paged: Delivery[] = [];
    let cursor: string | null = null;
    do {
      const rest: string = cursor === null ? '' : `&cursor=${cursor}`;
      const page: List<Delivery> = await answer(stage.api.get(`/v1/deliveries?status=FAILED&limit=1${rest}`), 200);
      expect(page.data).toHaveLength(1);
      paged.push(...page.data);
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(paged).toEqual(failed);
  });
});
