import { expect, test } from 'vitest';
import { type Accepted, type Application, answer, type Message, type NewEndpoint } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('a published message says why each endpoint', (kind) => {
  const stage = stageOn(kind);

  /** An application with these endpoints by name; what a message to it matches, by the same names. */
  async function application(uid: string, endpoints: Record<string, object>) {
    await answer(stage.api.post('/v1/app', { uid, name: uid }), 201);
    const names = new Map<string, string>();
    for (const [name, settings] of Object.entries(endpoints)) {
      const body = { url: `${stage.receiver.url}/ok`, ...settings };
      const { id } = await answer<NewEndpoint>(stage.api.post(`/v1/app/${uid}/endpoints`, body), 201);
      names.set(id, name);
    }
    return {
      idOf: (name: string) => [...names].find(([, each]) => each === name)?.[0] ?? '',
      async reasons(event_type: string, more: object = {}) {
        const body = { event_type, payload: {}, ...more };
        const { id, fanout } = await answer<Accepted>(stage.api.post(`/v1/app/${uid}/messages`, body), 202);
        const message = await answer<Message>(stage.api.get(`/v1/messages/${id}`), 200);
        const matched = message.matching.filter((each) => each.matched).map(({ endpoint_id }) => endpoint_id);
        expect(message.deliveries.map(({ endpoint_id }) => endpoint_id).sort()).toEqual(matched.sort());
        expect([fanout, message.fanout]).toEqual([matched.length, matched.length]);
        return Object.fromEntries(
          message.matching.map(({ endpoint_id, matched, reason }) => [names.get(endpoint_id), `${matched} ${reason}`]),
        );
      },
    };
  }

  test('matched: all events, one type, or a dotted prefix', async () => {
    const { reasons } = await application('filters', {
      default: {},
      star: { events: ['*'] },
      all: { all_events: true },
      exact: { events: ['invoice'] },
      prefix: { events: ['invoice.*'] },
      deeper: { events: ['invoice.paid.*'] },
      several: { events: ['user.created', 'invoice.paid'] },
      lookalike: { events: ['invoices.*'] },
    });
    const everything = { default: 'true all_events', star: 'true all_events', all: 'true all_events' };
    const no = 'false event_not_selected';
    const none = { exact: no, prefix: no, deeper: no, several: no, lookalike: no };
    expect(await reasons('invoice')).toEqual({ ...everything, ...none, exact: 'true event_type' });
    const paid = { ...everything, ...none, prefix: 'true event_prefix', several: 'true event_type' };
    expect(await reasons('invoice.paid')).toEqual(paid);
    const late = { ...everything, ...none, prefix: 'true event_prefix', deeper: 'true event_prefix' };
    expect(await reasons('invoice.paid.late')).toEqual(late);
    expect(await reasons('Invoice.Paid')).toEqual({ ...everything, ...none });
  });

  test('matched: by channel', async () => {
    const { reasons } = await application('channels', {
      any: {},
      eu: { channels: ['eu'] },
      both: { channels: ['eu', 'us'] },
    });
    const no = 'false channel_not_selected';
    expect(await reasons('a')).toEqual({ any: 'true all_events', eu: no, both: no });
    const us = { any: 'true all_events', eu: no, both: 'true all_events' };
    expect(await reasons('a', { channels: ['us', 'asia'] })).toEqual(us);
  });

  test('matched: within the subset it was addressed to', async () => {
    const { reasons, idOf } = await application('subset', { one: {}, two: {}, picky: { events: ['b'] } });
    const endpoint_ids = [idOf('one'), idOf('picky'), idOf('one')];
    expect(await reasons('a', { endpoint_ids })).toEqual({
      one: 'true all_events',
      two: 'false not_addressed',
      picky: 'false event_not_selected',
    });
  });

  test('matched: nobody, and that is a success', async () => {
    const { reasons } = await application('nobody', {});
    expect(await reasons('a')).toEqual({});
  });

  test('of one that is sent directly: it was addressed, whatever its filters', async () => {
    const { idOf } = await application('direct', { picky: { events: ['b'], channels: ['x'] } });
    const endpoint_id = idOf('picky');
    const send = { endpoint_id, payload: {} };
    const { message_id } = await answer<{ message_id: string }>(stage.api.post('/v1/webhooks/send', send), 202);
    const message = await answer<Message>(stage.api.get(`/v1/messages/${message_id}`), 200);
    expect(message.matching).toEqual([{ endpoint_id, matched: true, reason: 'addressed' }]);
    const { id: app_id } = await answer<Application>(stage.api.get('/v1/app/direct'), 200);
    expect(message).toMatchObject({ fanout: 1, event_type: 'webhook', app_id });
  });
});
