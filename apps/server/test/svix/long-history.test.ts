import type { Svix } from 'svix';
import { beforeAll, expect, test } from 'vitest';
import { answer, type Delivery, type List, type MessageRow, type NewEndpoint } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';
import { until } from '../kit/until.ts';
import { backwards, forwards, svixClient } from './client.ts';

/** More than a page looks at. */
const COMMON = 10_500;
const BATCH = 500;

onBothDatabases('what is rare in a long history', (kind) => {
  const stage = stageOn(kind);
  const app = 'long';
  let svix: Svix;
  let endpointId: string;
  let rare: string[];
  let newest: string | undefined;

  const publish = (event_type: string, count: number) =>
    answer<{ results: { message_id: string }[] }>(
      stage.api.post(`/v1/app/${app}/messages/batch`, {
        messages: Array.from({ length: count }, () => ({ event_type, payload: {} })),
      }),
      202,
    );
  beforeAll(async () => {
    svix = svixClient(stage.postrider);
    await answer(stage.api.post('/v1/app', { uid: app, name: app }), 201);
    const base = `/v1/app/${app}/endpoints`;
    ({ id: endpointId } = await answer<NewEndpoint>(stage.api.post(base, { url: `${stage.receiver.url}/ok` }), 201));
    const { results } = await publish('rare', 3);
    rare = results.map(({ message_id }) => message_id).toReversed();
    for (const id of rare) await stage.receiver.waitFor(({ webhookId }) => webhookId === id);
    const sent = () => answer<List<Delivery>>(stage.api.get(`/v1/app/${app}/deliveries?status=SENT`), 200);
    await until(sent, ({ data }) => data.length === rare.length);
    await answer(stage.api.post(`${base}/${endpointId}/pause`), 200);
    for (let n = 0; n < COMMON / BATCH; n++) await publish('common', BATCH);
    [newest] = (await publish('late', 1)).results.map(({ message_id }) => message_id);
  });

  test.each([
    ['messages', `/v1/app/${app}/messages?event_type=rare`],
    ['deliveries', `/v1/deliveries?application=${app}&status=SENT`],
    ['deliveries by event type', `/v1/app/${app}/deliveries?event_type=rare`],
  ])('is found by those who go on, and a page says that there is more: %s', async (_, path) => {
    const first = await answer<List<MessageRow>>(stage.api.get(path), 200);
    expect(first).toMatchObject({ data: [], next_cursor: expect.any(String) });
    const rest = await answer<List<MessageRow & Partial<Delivery>>>(
      stage.api.get(`${path}&cursor=${first.next_cursor}`),
      200,
    );
    expect(rest.data.map(({ id, message_id }) => message_id ?? id)).toEqual(rare);
    expect(rest.next_cursor).toBeNull();
  });

  test('is not needed for a list that nobody filtered: an offset goes as far as it may', async () => {
    for (const path of [`/v1/app/${app}/messages`, `/v1/app/${app}/deliveries`]) {
      const { data } = await answer<List<MessageRow>>(stage.api.get(`${path}?offset=9995&limit=20`), 200);
      expect(data).toHaveLength(20);
    }
  });

  test('is past an offset, and the page says where to go on', async () => {
    const path = `/v1/app/${app}/messages?event_type=rare`;
    const { data, next_cursor } = await answer<List<MessageRow>>(stage.api.get(`${path}&offset=5`), 200);
    expect([data, next_cursor]).toEqual([[], expect.any(String)]);
    const rest = await answer<List<MessageRow>>(stage.api.get(`${path}&cursor=${next_cursor}`), 200);
    expect(rest.data.map(({ id }) => id)).toEqual(rare);
  });

  test('costs no more than a page where much of it is asked for', async () => {
    const { data, next_cursor } = await answer<List<MessageRow>>(
      stage.api.get(`/v1/app/${app}/messages?event_type=common&limit=100`),
      200,
    );
    expect([data.length, next_cursor]).toEqual([100, data.at(-1)?.id]);
  });

  test('is found by Svix’s client, there and back', async () => {
    const lists = {
      messages: (iterator: string | null) => svix.message.list(app, { iterator, eventTypes: ['rare'] }),
      attempted: (iterator: string | null) =>
        svix.messageAttempt.listAttemptedMessages(app, endpointId, { iterator, eventTypes: ['rare'] }),
    };
    for (const [name, list] of Object.entries(lists)) {
      const pages = await forwards<{ id: string }>(list);
      expect(
        pages.map(({ data, done }) => [data.map(({ id }) => id), done]),
        name,
      ).toEqual([
        [[], false],
        [rare, true],
      ]);
      const last = pages.at(-1);
      if (!last) throw new Error('no page');
      const back = await backwards<{ id: string }>(last, list);
      expect(back.flatMap(({ data }) => data)).toEqual([]);
    }
    // From the oldest back over all that is common, to what was sent last.
    const back = await backwards<{ id: string }>(
      { data: [], iterator: null, prevIterator: `-${rare.at(-1)}`, done: false },
      (iterator) => svix.message.list(app, { iterator, eventTypes: ['late'] }),
    );
    expect(back.flatMap(({ data }) => data.map(({ id }) => id))).toEqual([newest]);
    const turned = await svix.message.list(app, { iterator: `-${rare.at(-1)}`, eventTypes: ['late'] });
    expect(turned).toMatchObject({ data: [], done: false, iterator: turned.prevIterator?.slice(1) });
    const attempts = await forwards<{ msgId: string }>((iterator) =>
      svix.messageAttempt.listByEndpoint(app, endpointId, { iterator, eventTypes: ['rare'] }),
    );
    expect(attempts.flatMap(({ data }) => data.map(({ msgId }) => msgId))).toEqual(rare);
    expect(attempts.map(({ done }) => done)).toEqual([false, true]);
  });
});
