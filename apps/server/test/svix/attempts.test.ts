import { MessageStatus, MessageStatusText, StatusCodeClass, type Svix } from 'svix';
import { beforeAll, expect, test } from 'vitest';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';
import { until } from '../kit/until.ts';
import { backwards, forwards, refused, svixClient } from './client.ts';

const APP = 'acme';
const event = { eventType: 'invoice.paid', payload: { n: 1 } };

onBothDatabases('an attempt of the Svix client', (kind) => {
  const stage = stageOn(kind);
  let svix: Svix;

  beforeAll(async () => {
    svix = svixClient(stage.postrider);
    await svix.application.create({ name: 'Acme', uid: APP });
  });

  /** An endpoint that listens to event types of its own. */
  const endpoint = async (path: string, event_type: string, more: object = {}) => {
    const body = { url: stage.receiver.url + path, events: [event_type], retry_policy: [], ...more };
    return String((await stage.api.post(`/v1/app/${APP}/endpoints`, body)).body.id);
  };
  /** Attempts of a message, once there are so many. */
  const attemptsOf = (msgId: string, count: number, options: object = {}) =>
    until(
      () => svix.messageAttempt.listByMsg(APP, msgId, { withContent: true, ...options }),
      ({ data }) => data.length >= count,
    );

  test('that went well is 0, one that did not is 2; each says what came back', async () => {
    const good = await endpoint('/ok', 'mixed');
    const bad = await endpoint('/status/500', 'mixed');
    const { id } = await svix.message.create(APP, { ...event, eventType: 'mixed', eventId: 'mixed-1' });
    const { data, done } = await attemptsOf(id, 2);
    expect(done).toBe(true);
    const [went, failed] = [
      data.find((each) => each.endpointId === good),
      data.find((each) => each.endpointId === bad),
    ];
    expect(went).toEqual({
      id: expect.stringMatching(/^att_/),
      msgId: id,
      endpointId: good,
      url: `${stage.receiver.url}/ok`,
      response: expect.any(String),
      responseStatusCode: 200,
      responseDurationMs: expect.any(Number),
      status: MessageStatus.Success,
      statusText: MessageStatusText.Success,
      triggerType: 0,
      timestamp: expect.any(Date),
      msg: undefined,
    });
    expect(failed).toMatchObject({ status: MessageStatus.Fail, statusText: 'fail', responseStatusCode: 500 });
    expect(await svix.messageAttempt.get(APP, 'mixed-1', went?.id ?? '')).toEqual(went);
    const only = async (options: object) =>
      (await svix.messageAttempt.listByMsg(APP, id, options)).data.map((a) => a.id);
    expect(await only({ status: MessageStatus.Success })).toEqual([went?.id]);
    expect(await only({ status: MessageStatus.Fail })).toEqual([failed?.id]);
    expect(await only({ status: MessageStatus.Pending })).toEqual([]);
    expect(await only({ statusCodeClass: StatusCodeClass.Code5xx })).toEqual([failed?.id]);
    expect(await only({ statusCodeClass: StatusCodeClass.CodeNone })).toEqual([]);
    expect(await only({ endpointId: good })).toEqual([went?.id]);
    expect((await svix.messageAttempt.listByMsg(APP, id, { endpointId: good })).data[0]?.response).toBe('');
  });

  test('without an answer says why, with 0 for a status code', async () => {
    const id = await endpoint('/ok', 'silent', { url: 'http://127.0.0.1:9/' });
    const message = await svix.message.create(APP, { ...event, eventType: 'silent' });
    const [attempt] = (await attemptsOf(message.id, 1)).data;
    expect(attempt).toMatchObject({ responseStatusCode: 0, status: 2, response: expect.stringMatching(/./) });
    const ofNone = { statusCodeClass: StatusCodeClass.CodeNone };
    expect((await svix.messageAttempt.listByEndpoint(APP, id, ofNone)).data).toHaveLength(1);
  });

  test('is listed with its endpoint, to the end and back, with its message if that is wanted', async () => {
    const id = await endpoint('/status/400', 'many', { retry_policy: [0, 0] });
    const sent: string[] = [];
    for (let n = 0; n < 4; n++) {
      const message = await svix.message.create(APP, { ...event, eventType: 'many', channels: [`c${n}`] });
      await attemptsOf(message.id, 3);
      sent.push(message.id);
    }
    const list = (iterator: string | null) =>
      svix.messageAttempt.listByEndpoint(APP, id, { iterator, limit: 5, withMsg: true });
    const pages = await forwards(list);
    expect(pages.map(({ data }) => data.length)).toEqual([5, 5, 2]);
    const all = pages.flatMap(({ data }) => data);
    expect(all.map(({ msgId }) => msgId)).toEqual(sent.toReversed().flatMap((each) => [each, each, each]));
    expect(all.map((each) => each.id)).toEqual(
      all
        .map((each) => each.id)
        .toSorted()
        .toReversed(),
    );
    expect(all[0]?.msg).toMatchObject({ id: sent[3], eventType: 'many', payload: {} });
    const [last] = pages.slice(-1);
    const back = last ? await backwards(last, list) : [];
    expect(back.toReversed().flatMap(({ data }) => data)).toEqual(all.slice(0, 10));

    const only = async (options: object) => (await svix.messageAttempt.listByEndpoint(APP, id, options)).data.length;
    expect(await only({ channel: 'c2' })).toBe(3);
    expect(await only({ eventTypes: ['many'] })).toBe(12);
    expect(await only({ eventTypes: ['few'] })).toBe(0);
    expect(await only({ before: all.at(-1)?.timestamp })).toBeLessThan(12);
    expect(await only({ after: new Date() })).toBe(0);
  });

  test('has a message that is listed with its endpoint, and how it stands', async () => {
    const bad = await endpoint('/status/400', 'stands');
    const good = await endpoint('/ok', 'stands');
    const sent: string[] = [];
    for (let n = 0; n < 5; n++) {
      const message = await svix.message.create(APP, { ...event, eventType: 'stands', payload: { n } });
      await attemptsOf(message.id, 2);
      sent.unshift(message.id);
    }
    const list = (iterator: string | null) =>
      svix.messageAttempt.listAttemptedMessages(APP, bad, { iterator, limit: 2, withContent: true });
    const pages = await forwards(list);
    const all = pages.flatMap(({ data }) => data);
    expect(all.map(({ id }) => id)).toEqual(sent);
    expect(all[0]).toMatchObject({ payload: { n: 4 }, status: 2, statusText: 'fail', nextAttempt: null });
    const [last] = pages.slice(-1);
    const back = last ? await backwards(last, list) : [];
    expect(back.toReversed().flatMap(({ data }) => data)).toEqual(all.slice(0, 4));
    const failed = { status: MessageStatus.Fail };
    expect((await svix.messageAttempt.listAttemptedMessages(APP, bad, failed)).data).toHaveLength(5);
    expect((await svix.messageAttempt.listAttemptedMessages(APP, good, failed)).data).toHaveLength(0);
    const canceled = { status: MessageStatus.Canceled };
    expect((await svix.messageAttempt.listAttemptedMessages(APP, good, canceled)).data).toHaveLength(0);

    const of = (options: object) => svix.messageAttempt.listAttemptedDestinations(APP, sent[0] ?? '', options);
    const both = await of({});
    expect(both).toMatchObject({
      done: true,
      data: [
        { id: bad, status: 2 },
        { id: good, statusText: 'success' },
      ],
    });
    const one = await of({ limit: 1 });
    expect(one).toMatchObject({ done: false, data: [{ id: bad }] });
    expect(await of({ limit: 1, iterator: one.iterator })).toMatchObject({ done: true, data: [{ id: good }] });
    expect(await of({ iterator: both.iterator && `-${both.iterator}` })).toMatchObject({ data: [{ id: bad }] });
  });

  test('is made once more by resend, of what failed and of what went well', async () => {
    const bad = await endpoint('/status/400', 'again');
    const good = await endpoint('/ok/again', 'again');
    const { id } = await svix.message.create(APP, { ...event, eventType: 'again' });
    await attemptsOf(id, 2);
    for (const each of [bad, good]) {
      await until(
        () => svix.messageAttempt.listAttemptedDestinations(APP, id),
        ({ data }) => data.every(({ status }) => status === 0 || status === 2),
      );
      expect(await svix.messageAttempt.resend(APP, id, each)).toEqual({});
      const { data } = await attemptsOf(id, 2, { endpointId: each });
      expect(data.map(({ triggerType }) => triggerType)).toEqual([1, 0]);
    }
    const requests = stage.receiver.received.filter(({ path }) => path === '/ok/again');
    expect(new Set(requests.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([id]));
    expect(requests).toHaveLength(2);
  });

  // Found: in fifo order the lane slept on until the old time.
  test.for(['none', 'fifo'])(
    'is made at once by resend where it waits for its time (ordering: %s)',
    async (ordering) => {
      const type = `waits-${ordering}`;
      const id = await endpoint(`/fail-times/1/${type}`, type, { retry_policy: [86_400], ordering });
      const message = await svix.message.create(APP, { ...event, eventType: type });
      await attemptsOf(message.id, 1);
      const waiting = await until(
        async () => (await svix.messageAttempt.listAttemptedMessages(APP, id)).data[0],
        (each) => each?.status === MessageStatus.Pending && each.nextAttempt != null,
      );
      expect(waiting?.nextAttempt?.getTime()).toBeGreaterThan(Date.now() + 80_000_000);
      await svix.messageAttempt.resend(APP, message.id, id);
      const { data } = await attemptsOf(message.id, 2);
      expect(data.map(({ status }) => status)).toEqual([0, 2]);
    },
  );

  test('of nobody is 404', async () => {
    const id = await endpoint('/ok', 'other');
    const { id: msgId } = await svix.message.create(APP, { ...event, eventType: 'nobody-listens' });
    await refused(svix.messageAttempt.resend(APP, msgId, id), 404);
    await refused(svix.messageAttempt.get(APP, msgId, 'att_01JX9Z5T4QK8W0V3N7M2B6C1DF'), 404);
    await refused(svix.messageAttempt.listByEndpoint(APP, 'nobody'), 404);
    await refused(svix.messageAttempt.listByMsg(APP, 'nobody'), 404);
  });
});
