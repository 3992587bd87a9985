import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type Application,
  all,
  answer,
  createEndpoint,
  type Delivery,
  type Endpoint,
  type MessageRow,
} from '../kit/answers.ts';
import type { Reply } from '../kit/api.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { inRows } from '../kit/rows.ts';
import { settled } from './deliveries.ts';
import { type Place, Stage } from './stage.ts';

/** How many equal calls come at once, in turn to one process and the other. */
const CALLS = 50;

const event = { event_type: 'invoice.paid', payload: { amount: 1 } };

/** Calls that each make something, with the key in the header but for the one that has it in its body. */
const CASES = [
  { name: 'a message', path: '/v1/messages', body: event, makes: { messages: 1, deliveries: 1 } },
  {
    name: 'a batch',
    path: '/v1/messages/batch',
    body: { messages: [event, { ...event, payload: [2] }, { event_type: 'Not a type', payload: {} }] },
    makes: { messages: 2, deliveries: 2 },
  },
  {
    name: 'an endpoint',
    path: '/v1/endpoints',
    body: { url: 'https://example.com/', events: ['a'] },
    makes: { endpoints: 1 },
  },
  { name: 'an application', path: '/v1/app', body: { name: 'Globex' }, makes: { applications: 1 } },
  {
    name: 'the event of an application nobody knows yet',
    path: '/v1/app/newcomer/event',
    body: event,
    makes: { messages: 1, applications: 1 },
    // The second time it is there.
    makesAgain: { messages: 1 },
  },
] satisfies Case[];

interface Case {
  readonly name: string;
  readonly path: string;
  readonly body: object;
  readonly makes: Partial<Stock>;
  readonly makesAgain?: Partial<Stock>;
}

type Stock = Record<'messages' | 'deliveries' | 'endpoints' | 'applications', number>;

let stage: Stage;
afterEach(() => stage.clear());

onBothDatabases(`${CALLS} equal calls at once`, (kind) => {
  let places: Place[];
  let first: Place;

  beforeEach(async () => {
    stage = await Stage.set(kind);
    // The embedded database takes one process at a time.
    first = await stage.serve();
    places = kind === 'postgresql' ? [first, await stage.serve()] : [first];
    await createEndpoint(first.api, { url: `${stage.receiver.url}/ok/once`, events: ['invoice.*'] });
  });

  test('are one call with one answer, through kill -9 and restarts, until the key expires', async () => {
    const answers = new Map<Case, string>();
    for (const each of CASES) answers.set(each, await madeOnce(each, each.makes));
    // The same key on another route is another call: all of these had the same one.
    expect(new Set(answers.values()).size).toBe(CASES.length);
    await everyPlaceRefusesAnotherBody();

    await settled(first.api, 30_000);
    await restart();
    await everyPlaceAnswers(answers);
    await everyPlaceRefusesAnotherBody();

    await ageKeys('23 hours 59 minutes');
    await everyPlaceAnswers(answers);
    await ageKeys('24 hours 1 minute');
    for (const each of CASES) {
      expect(await madeOnce(each, each.makesAgain ?? each.makes), each.name).not.toBe(answers.get(each));
    }
    await settled(first.api, 30_000);
    // Three messages reach the endpoint each time: one, and the two good ones of the batch.
    expect(stage.receiver.counts.total).toBe(6);
  });

  test('of which a killed process answers none or some, make one message all the same', async () => {
    const [other = first] = places.slice(1);
    const calls = atOnce(places, { path: '/v1/messages', body: event }, 'cut off');
    await Promise.race(calls.map((call) => call.catch(() => null)));
    await first.server.kill();
    const answered = (await Promise.allSettled(calls)).flatMap((each) =>
      each.status === 'fulfilled' ? [each.value] : [],
    );
    console.log(`idempotency (${kind}): killed after ${answered.length} answers of ${CALLS}`);
    first.begin();
    await first.server.ready();
    const again = await other.api.post('/v1/messages', event, { 'idempotency-key': 'cut off' });
    expect(again.status).toBe(202);
    for (const { status, text } of answered) expect({ status, text }).toEqual({ status: 202, text: again.text });
    expect(await all<MessageRow>(other.api, '/v1/messages')).toMatchObject([{ id: again.body.id }]);
  });

  /** Makes the calls; they must be one. @returns what they were answered. */
  async function madeOnce({ name, path, body }: Case, makes: Partial<Stock>): Promise<string> {
    const before = await stock();
    const replies = await Promise.all(atOnce(places, { path, body }, 'once'));
    const [one] = replies;
    expect(one?.status, `${name}: ${one?.text}`).toBeOneOf([201, 202]);
    expect(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size, name).toBe(1);
    const replayed = replies.filter(({ headers }) => headers.get('idempotent-replayed') === 'true');
    expect(replayed.length, name).toBe(CALLS - 1);
    const after = await stock();
    const made = Object.entries(after).map(([what, count]) => [what, count - before[what as keyof Stock]]);
    expect(Object.fromEntries(made), name).toEqual({
      messages: 0,
      deliveries: 0,
      endpoints: 0,
      applications: 0,
      ...makes,
    });
    return one?.text ?? '';
  }

  async function everyPlaceAnswers(answers: ReadonlyMap<Case, string>): Promise<void> {
    for (const { api } of places) {
      for (const [{ name, path, body }, text] of answers) {
        const reply = await api.post(path, body, { 'idempotency-key': 'once' });
        expect(reply.text, name).toBe(text);
        expect(reply.headers.get('idempotent-replayed'), name).toBe('true');
      }
    }
  }

  async function everyPlaceRefusesAnotherBody(): Promise<void> {
    const before = await stock();
    for (const { api } of places) {
      for (const { path, body } of CASES) {
        const other = { ...body, metadata: {} };
        const spaced = `${JSON.stringify(body)} `;
        await refusal(api.post(path, spaced, { 'idempotency-key': 'once' }), 'idempotency_mismatch');
        // Refused for what it is before it is refused for its key: whichever, nothing is made.
        expect((await api.post(path, other, { 'idempotency-key': 'once' })).status).toBeOneOf([409, 422]);
      }
    }
    expect(await stock()).toEqual(before);
  }

  /** One process is killed, the others are stopped, and all start again. */
  async function restart(): Promise<void> {
    await first.server.kill();
    for (const place of places.slice(1)) expect(await place.server.stop()).toEqual({ code: 0, signal: null });
    await begin();
  }

  async function begin(): Promise<void> {
    for (const place of places) place.begin();
    await Promise.all(places.map((place) => place.server.ready()));
  }

  /** As if they had been used so long ago. */
  async function ageKeys(interval: string): Promise<void> {
    if (kind === 'embedded') await first.server.stop();
    await inRows(stage.database, `update idempotency_key set created_at = now() - interval '${interval}'`);
    if (kind === 'embedded') await begin();
  }

  async function stock(): Promise<Stock> {
    const { api } = first;
    const applications = await all<Application>(api, '/v1/app');
    return {
      messages: (await all<MessageRow>(api, '/v1/messages')).length,
      deliveries: (await all<Delivery>(api, '/v1/deliveries')).length,
      endpoints: (await all<Endpoint>(api, '/v1/endpoints')).length,
      applications: applications.length,
    };
  }
});

onBothDatabases('a key in the body', (kind) => {
  test(`makes one call of ${CALLS} on every process too`, async () => {
    stage = await Stage.set(kind);
    const first = await stage.serve();
    const places = kind === 'postgresql' ? [first, await stage.serve()] : [first];
    const url = `${stage.receiver.url}/ok/once`;
    const endpoint = await createEndpoint(first.api, { url, events: ['invoice.*'] });
    const body = { endpoint_id: endpoint.id, payload: [1], idempotency_key: 'in the body' };
    const replies = await Promise.all(atOnce(places, { path: '/v1/webhooks/send', body }));
    expect(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    const { message_id } = await answer<{ message_id: string }>(replies[0] ?? Promise.reject(), 202);
    expect(await all<MessageRow>(first.api, '/v1/messages')).toMatchObject([{ id: message_id }]);
  });
});

function atOnce(places: readonly Place[], call: { path: string; body: object }, key?: string): Promise<Reply>[] {
  const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
  return Array.from({ length: CALLS }, async (_, n) => {
    const place = places[n % places.length];
    if (!place) throw new Error('there is nowhere to call');
    return place.api.post(call.path, call.body, headers);
  });
}
