import { beforeAll, expect, test } from 'vitest';
import {
  all,
  answer,
  attemptsOf,
  createEndpoint,
  type Delivery,
  type Job,
  jobEnded,
  type ReplayAnswer,
  sendTo,
  settled,
} from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';
import { until } from '../kit/until.ts';

/** Fewer failures of each than open its circuit. */
const MESSAGES = 9;
const ENDPOINTS = 250;
const MANY = ENDPOINTS * MESSAGES;
const LONG_AGO = '2020-01-01T00:00:00Z';

onBothDatabases('a replay', (kind) => {
  const stage = stageOn(kind);

  /** An endpoint that refuses every message once, and does not get it again by itself. */
  const newEndpoint = (label: string, settings: object = {}) =>
    createEndpoint(stage.api, {
      ...{ url: `${stage.receiver.url}/fail-times/1/${label}`, events: [`${label}.*`], retry_policy: [] },
      ...settings,
    });
  const failed = async (endpointId: string) => settled(stage.api, await sendTo(stage.api, endpointId));
  const matched = async (path: string, body: object) =>
    (await answer<{ matched: number }>(stage.api.post(path, { ...body, dry_run: true }), 200)).matched;
  const replay = async (path: string, body: object): Promise<Job> => {
    const started = await answer<ReplayAnswer>(stage.api.post(path, body), 202);
    const job = await jobEnded(stage.api, started.job_id);
    expect(job.total).toBe(started.matched);
    return job;
  };
  const read = (id: string) => answer<Delivery>(stage.api.get(`/v1/deliveries/${id}`), 200);

  test(`of ${MANY} dead letters is counted first, shows its progress, and sends each once more`, async () => {
    await answer(stage.api.post('/v1/app', { uid: 'many', name: 'Many' }), 201);
    for (let n = 0; n < ENDPOINTS; n++) {
      const url = `${stage.receiver.url}/fail-times/1/${n}`;
      await answer(stage.api.post('/v1/app/many/endpoints', { url, retry_policy: [] }), 201);
    }
    const messages = Array.from({ length: MESSAGES }, (_, n) => ({ event_type: 'many.a', payload: { n } }));
    await answer(stage.api.post('/v1/app/many/messages/batch', { messages }), 202);
    const filter = { application: 'many' };
    await until(
      () => matched('/v1/deliveries/replay', { filter }),
      (count) => count === MANY,
      60_000,
    );
    // Asking has changed nothing.
    expect(await matched('/v1/deliveries/replay', { filter })).toBe(MANY);

    const started = await answer<ReplayAnswer>(stage.api.post('/v1/deliveries/replay', { filter }), 202);
    expect(started).toEqual({ job_id: expect.stringMatching(/^job_/), matched: MANY });
    const progress: number[] = [];
    await until(
      () => answer<Job>(stage.api.get(`/v1/jobs/${started.job_id}`), 200),
      (job) => {
        progress.push(job.done);
        expect(job).toMatchObject({ id: started.job_id, kind: 'replay', total: MANY, errors: 0 });
        return job.status === 'done';
      },
    );
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.at(-1)).toBe(MANY);

    const deliveries = await until(
      () => all<Delivery>(stage.api, '/v1/app/many/deliveries?status=SENT'),
      (sent) => sent.length === MANY,
      60_000,
    );
    expect(deliveries.every(({ attempt_count }) => attempt_count === 2)).toBe(true);
    const attempts = await attemptsOf(stage.api, deliveries[0]?.id ?? '');
    expect(attempts.map(({ trigger, status }) => `${trigger} ${status}`)).toEqual([
      'scheduled failure',
      'replay success',
    ]);
    expect(await matched('/v1/deliveries/replay', { filter })).toBe(0);
  }, 120_000);

  test('takes what its filter says: endpoint, application, event type, time, status', async () => {
    const [one, other] = [await newEndpoint('one'), await newEndpoint('other')];
    await answer(stage.api.post('/v1/app', { uid: 'acme', name: 'Acme' }), 201);
    const theirs = await answer<{ id: string }>(
      stage.api.post('/v1/app/acme/endpoints', { url: one.url, retry_policy: [] }),
      201,
    );
    const first = await failed(one.id);
    for (const id of [one.id, other.id, theirs.id]) await failed(id);
    const count = (filter: object, path = '/v1/deliveries/replay') => matched(path, { filter });
    const since = first.created_at;
    expect(await count({ since })).toBe(4);
    expect(await count({ since, until: since })).toBe(0);
    expect(await count({ until: since, endpoint_id: one.id })).toBe(0);
    expect(await count({ endpoint_id: one.id })).toBe(2);
    expect(await count({ endpoint_id: one.id, status: 'SENT' })).toBe(0);
    expect(await count({ since, event_type: 'invoice.paid' })).toBe(4);
    expect(await count({ since, event_type: 'invoice.void' })).toBe(0);
    expect(await count({ since, application: 'acme' })).toBe(1);
    expect(await count({ since, application: 'default' })).toBe(3);
    expect(await count({}, '/v1/app/acme/deliveries/replay')).toBe(1);
    expect(await count({ endpoint_id: one.id }, '/v1/app/acme/deliveries/replay')).toBe(0);

    expect(await replay('/v1/app/acme/deliveries/replay', { filter: {} })).toMatchObject({ done: 1, errors: 0 });
    expect(await replay('/v1/deliveries/replay', { filter: { endpoint_id: other.id } })).toMatchObject({ done: 1 });
    expect(await settled(stage.api, first.id)).toMatchObject({ status: 'FAILED', attempt_count: 1 });
    expect(await count({ since })).toBe(2);
  });

  test('of an endpoint takes what failed in a time, and what was SENT where it is told to', async () => {
    const { id } = await newEndpoint('both');
    const path = `/v1/endpoints/${id}/replay`;
    const [first, second] = [await failed(id), await failed(id)];
    expect(await matched(path, { since: second.created_at })).toBe(1);
    expect(await matched(path, { since: LONG_AGO, until: second.created_at })).toBe(1);
    expect(await replay(path, { since: second.created_at })).toMatchObject({ done: 1, total: 1 });
    expect(await settled(stage.api, second.id)).toMatchObject({ status: 'SENT' });
    expect(await read(first.id)).toMatchObject({ status: 'FAILED' });

    expect(await matched(path, { since: LONG_AGO, only_failed: true })).toBe(1);
    expect(await matched(path, { since: LONG_AGO, only_failed: false })).toBe(2);
    expect(await replay(path, { since: LONG_AGO, only_failed: false })).toMatchObject({ done: 2 });
    const again = await until(
      () => read(second.id),
      ({ attempt_count, status }) => attempt_count === 3 && status === 'SENT',
    );
    expect(again.last_status_code).toBe(200);
    expect((await attemptsOf(stage.api, second.id)).map(({ trigger }) => trigger)).toEqual([
      ...['scheduled', 'replay', 'replay'],
    ]);
  });

  test('holds for a paused endpoint, skips a disabled one and says so', async () => {
    const [paused, disabled] = [await newEndpoint('paused'), await newEndpoint('disabled')];
    const [held, refused] = [await failed(paused.id), await failed(disabled.id)];
    await answer(stage.api.post(`/v1/endpoints/${paused.id}/pause`), 200);
    await answer(stage.api.patch(`/v1/endpoints/${disabled.id}`, { active: false }), 200);
    const job = await replay('/v1/deliveries/replay', { filter: { since: held.created_at } });
    expect(job).toMatchObject({ status: 'done', done: 1, errors: 1, total: 2 });
    expect(await read(held.id)).toMatchObject({ status: 'PENDING', attempt_count: 1 });
    expect(await read(refused.id)).toMatchObject({ status: 'FAILED', attempt_count: 1 });
    await answer(stage.api.post(`/v1/endpoints/${paused.id}/resume`), 200);
    expect(await settled(stage.api, held.id)).toMatchObject({ status: 'SENT', attempt_count: 2 });
    const body = { since: LONG_AGO };
    await refusal(stage.api.post(`/v1/endpoints/${disabled.id}/replay`, body), 'endpoint_not_active');
  });

  test('with an idempotency key starts one job', async () => {
    const { id } = await newEndpoint('once');
    await failed(id);
    const body = { filter: { endpoint_id: id } };
    const post = () => stage.api.post('/v1/deliveries/replay', body, { 'idempotency-key': 'once' });
    const replies = await Promise.all(Array.from({ length: 10 }, post));
    replies.push(await post());
    expect(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(replies.filter(({ headers }) => !headers.has('idempotent-replayed'))).toHaveLength(1);
    expect(replies[0]?.body).toMatchObject({ matched: 1 });
    const jobs = await all<Job>(stage.api, '/v1/jobs');
    expect(jobs.filter(({ id: job }) => job === String(replies[0]?.body.job_id))).toHaveLength(1);
    expect(jobs.map((job) => job.id)).toEqual(
      jobs
        .map((job) => job.id)
        .toSorted()
        .toReversed(),
    );
    // A dry run's answer is kept as well, as it was then.
    const dry = () => stage.api.post('/v1/deliveries/replay', { ...body, dry_run: true }, { 'idempotency-key': 'dry' });
    expect((await dry()).text).toBe((await dry()).text);
  });
});

onBothDatabases('a replay that cannot be', (kind) => {
  const stage = stageOn(kind);
  let id: string;

  beforeAll(async () => {
    ({ id } = await createEndpoint(stage.api, { url: `${stage.receiver.url}/ok` }));
    await answer(stage.api.post('/v1/app', { uid: 'acme', name: 'Acme' }), 201);
  });

  test('is refused, and the field named', async () => {
    const filtered = (filter: object) => ({ filter });
    const table: [string, object, string][] = [
      ['/v1/deliveries/replay', {}, '/filter'],
      ['/v1/deliveries/replay', filtered({ status: 'PENDING' }), '/filter/status'],
      ['/v1/deliveries/replay', filtered({ status: 'SENDING' }), '/filter/status'],
      ['/v1/deliveries/replay', filtered({ endpoint_id: 'msg_x' }), '/filter/endpoint_id'],
      ['/v1/deliveries/replay', filtered({ event_type: 'a..b' }), '/filter/event_type'],
      ['/v1/deliveries/replay', filtered({ since: 'yesterday' }), '/filter/since'],
      ['/v1/deliveries/replay', filtered({ message_id: 'msg_x' }), '/filter/message_id'],
      ['/v1/deliveries/replay', { filter: {}, dry_run: 'yes' }, '/dry_run'],
      // The path has said which.
      ['/v1/app/acme/deliveries/replay', filtered({ application: 'acme' }), '/filter/application'],
      [`/v1/endpoints/${id}/replay`, {}, '/since'],
      [`/v1/endpoints/${id}/replay`, { since: LONG_AGO, only_failed: 1 }, '/only_failed'],
    ];
    for (const [path, body, fault] of table) {
      const problem = await refusal(stage.api.post(path, body), 'validation_failed');
      expect(problem.errors?.[0]?.path, JSON.stringify(body)).toBe(fault);
    }
    const notEnded = await refusal(
      stage.api.post('/v1/deliveries/replay', filtered({ status: 'PENDING' })),
      'validation_failed',
    );
    expect(notEnded.detail).toContain('must be FAILED or SENT: PENDING has not ended');
    await refusal(stage.api.post('/v1/deliveries/replay', filtered({ application: 'nobody' })), 'not_found');
    expect((await all<Job>(stage.api, '/v1/jobs')).length).toBe(0);
  });
});
