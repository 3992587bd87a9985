import { beforeAll, expect, test } from 'vitest';
import { newId } from '../../src/core/ids.ts';
import { openDatabase, statement } from '../../src/store/database.ts';
import {
  type Accepted,
  type Application,
  all,
  answer,
  type List,
  type Message,
  type NewEndpoint,
  type Offer,
  type Outcome,
} from '../kit/answers.ts';
import { onBothDatabases, type TestDatabase } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

const CATALOGUE = ['invoice.paid', 'invoice.sent', 'user.created'];

onBothDatabases('subscriptions', (kind) => {
  const stage = stageOn(kind);
  const pathOf = (uid: string) => `/v1/app/${uid}/event-subscriptions`;
  const application = async (uid: string, more: object = {}) =>
    answer<Application>(stage.api.post('/v1/app', { uid, name: uid, ...more }), 201);
  const say = (uid: string, ...wishes: object[]) => answer<Outcome[]>(stage.api.patch(pathOf(uid), wishes), 207);
  const yes = (event_type: string, version?: number | string | null) => wish(event_type, 'SUBSCRIBE', version);
  const no = (event_type: string, version?: number | string | null) => wish(event_type, 'UNSUBSCRIBE', version);
  const wish = (event_type: string, action: string, version?: number | string | null) => ({
    event_type,
    action,
    ...(version !== undefined && { metadata: { version } }),
  });
  const done = (event_type: string, version: number) => ({ event_type, status: 200, metadata: { version } });
  const conflict = (event_type: string, metadata: object) => ({
    event_type,
    status: 409,
    metadata,
    error: { code: 'subscription_conflict', detail: expect.any(String) },
  });

  async function reasonOf(uid: string, event_type: string): Promise<string | undefined> {
    const { id } = await answer<Accepted>(stage.api.post(`/v1/app/${uid}/messages`, { event_type, payload: {} }), 202);
    return (await answer<Message>(stage.api.get(`/v1/messages/${id}`), 200)).matching[0]?.reason;
  }

  async function withEndpoint(uid: string): Promise<void> {
    await application(uid);
    const url = `${stage.receiver.url}/ok`;
    await answer<NewEndpoint>(stage.api.post(`/v1/app/${uid}/endpoints`, { url }), 201);
  }

  test('have no version, then 1, and one more each time; one that is stale is refused and the others are done', async () => {
    await application('versions');
    expect(await say('versions', yes('a', ''), yes('b'))).toEqual([done('a', 1), done('b', 1)]);
    expect(await say('versions', no('a', 1), yes('b', 7), yes('c', null))).toEqual([
      done('a', 2),
      conflict('b', { version: 1 }),
      done('c', 1),
    ]);
    expect(await say('versions', yes('a', ''), no('d', 1), yes('a.b'))).toEqual([
      conflict('a', { version: 2 }),
      conflict('d', {}),
      done('a.b', 1),
    ]);
    expect(await say('versions', yes('a', 2))).toEqual([done('a', 3)]);
    const listed = await all<Offer>(stage.api, pathOf('versions'));
    expect(listed.map(({ event, subscription, metadata }) => [event.type, subscription, metadata.version])).toEqual([
      ['a', 'SUBSCRIBED', 3],
      ['a.b', 'SUBSCRIBED', 1],
      ['b', 'SUBSCRIBED', 1],
      ['c', 'SUBSCRIBED', 1],
    ]);
  });

  test('decide what reaches endpoints, from the first that is done on', async () => {
    await withEndpoint('explicit');
    expect(await reasonOf('explicit', 'a')).toBe('all_events');
    // Nothing was done, so nothing changes.
    expect(await say('explicit', yes('a', 5))).toEqual([conflict('a', {})]);
    expect(await reasonOf('explicit', 'b')).toBe('all_events');
    await say('explicit', yes('a'), no('b'));
    const read = () => answer<Application>(stage.api.get('/v1/app/explicit'), 200);
    expect((await read()).subscriptions).toBe('explicit');
    expect(await reasonOf('explicit', 'a')).toBe('all_events');
    expect(await reasonOf('explicit', 'b')).toBe('not_subscribed');
    expect(await reasonOf('explicit', 'never.said')).toBe('not_subscribed');

    await answer(stage.api.patch('/v1/app/explicit', { subscriptions: 'all' }), 200);
    expect(await reasonOf('explicit', 'b')).toBe('all_events');
    await answer(stage.api.patch('/v1/app/explicit', { subscriptions: 'explicit' }), 200);
    expect(await reasonOf('explicit', 'a')).toBe('all_events');
    expect(await reasonOf('explicit', 'b')).toBe('not_subscribed');
  });

  test('of one application are nothing to another', async () => {
    await withEndpoint('theirs');
    await application('ours');
    await say('ours', yes('a'));
    expect(await all(stage.api, pathOf('theirs'))).toEqual([]);
    expect(await reasonOf('theirs', 'b')).toBe('all_events');
  });

  test('do not hold up what is sent to one endpoint by name', async () => {
    await withEndpoint('direct');
    const { data } = await answer<List<{ id: string }>>(stage.api.get('/v1/app/direct/endpoints'), 200);
    await say('direct', no('a'));
    const event = { destination: data[0]?.id, event_type: 'a', payload: {} };
    const sent = await answer<{ delivery_id: string | null }>(stage.api.post('/v1/send', event), 202);
    expect(sent.delivery_id).not.toBeNull();
  });

  test('of an application that nobody has made are not found, and it is not made by them', async () => {
    await refusal(stage.api.patch(pathOf('nobody'), [yes('a')]), 'not_found');
    await refusal(stage.api.get(pathOf('nobody')), 'not_found');
    await refusal(stage.api.get('/v1/app/nobody'), 'not_found');
  });

  test('are refused whole where the call is wrong', async () => {
    await application('wrong');
    const bad: [unknown, string][] = [
      [[], '/'],
      [{}, '/'],
      [yes('a'), '/'],
      [Array.from({ length: 101 }, (_, n) => yes(`a${n}`)), '/'],
      [[yes('a'), no('b'), no('a')], '/2/event_type'],
      [[yes('a..b')], '/0/event_type'],
      [[yes('a.*')], '/0/event_type'],
      [[wish('a', 'subscribe')], '/0/action'],
      [[{ event_type: 'a' }], '/0/action'],
      [[yes('a', 0)], '/0/metadata/version'],
      [[yes('a', '1')], '/0/metadata/version'],
      [[yes('a', 1.5)], '/0/metadata/version'],
      [[{ ...yes('a'), metadata: { name: 'a' } }], '/0/metadata/name'],
    ];
    for (const [body, path] of bad) {
      const { errors } = await refusal(stage.api.patch(pathOf('wrong'), body), 'validation_failed');
      expect(errors?.[0]?.path, JSON.stringify(body)).toBe(path);
    }
    for (const query of ['cursor=x', 'cursor=', 'limit=0', 'limit=101', 'offset=-1', 'q=a']) {
      await refusal(stage.api.get(`${pathOf('wrong')}?${query}`), 'validation_failed');
    }
    expect(await all(stage.api, pathOf('wrong'))).toEqual([]);
    expect((await answer<Application>(stage.api.get('/v1/app/wrong'), 200)).subscriptions).toBe('all');
  });

  test('100 calls at once, each for the same version, get one wish through each', async () => {
    await application('many');
    const types = ['a', 'b', 'c'];
    for (const version of ['', 1, 2]) {
      const calls = await Promise.all(
        Array.from({ length: 100 }, (_, n) => say('many', ...types.map((type) => (n % 2 ? yes : no)(type, version)))),
      );
      const statuses = types.map((_, n) => calls.map((outcomes) => outcomes[n]?.status));
      for (const each of statuses) expect(each.filter((status) => status === 200)).toHaveLength(1);
    }
  });

  test('change beside other fields of the application, and neither is lost', async () => {
    await application('beside');
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        n % 2
          ? answer(stage.api.patch('/v1/app/beside', { name: `beside ${n}` }), 200)
          : say('beside', yes(`type.${n}`)),
      ),
    );
    expect((await answer<Application>(stage.api.get('/v1/app/beside'), 200)).subscriptions).toBe('explicit');
    expect(await all(stage.api, pathOf('beside'))).toHaveLength(10);
  });
});

onBothDatabases('with a catalogue, subscriptions', (kind) => {
  const stage = stageOn(kind);
  const path = '/v1/app/acme/event-subscriptions';
  const say = (event_type: string, action: string) =>
    answer<Outcome[]>(stage.api.patch(path, [{ event_type, action }]), 207);
  const statusOf = async (event_type: string, action = 'SUBSCRIBE') => (await say(event_type, action))[0]?.status;

  beforeAll(async () => {
    const { id } = await answer<Application>(stage.api.post('/v1/app', { uid: 'acme', name: 'Acme' }), 201);
    expect(id).toMatch(/^app_/);
    // Said while there was no catalogue: `gone` will never be in it.
    expect([await statusOf('gone'), await statusOf('user.created')]).toEqual([200, 200]);
    await stage.restartAfter((database) => fill(database));
  });

  /** The catalogue of every environment: three event types in force and one that is archived. */
  async function fill({ target }: TestDatabase): Promise<void> {
    const db = await openDatabase(target, () => {});
    const environments = await db.query(statement<{ id: string }>('', 'select id from environment'), []);
    for (const { id } of environments) {
      for (const name of [...CATALOGUE, 'old.type']) {
        const row = [newId(), id, name, `about ${name}`, name.split('.')[0], name === 'old.type' ? new Date() : null];
        const sql = `insert into event_type (id, environment_id, name, description, group_name, archived_at, size)
          values ($1, $2, $3, $4, $5, $6, 0)`;
        await db.query(statement('', sql), row);
      }
    }
    await db.close();
  }

  test('list all that there is by name, with what was said, and what it does not have (any more)', async () => {
    const offer = (name: string, subscription: string, metadata: object) => ({
      event: { type: name, name, description: `about ${name}`, group: name.split('.')[0] },
      subscription,
      metadata,
    });
    const gone = { type: 'gone', name: 'gone', description: '', group: null };
    const listed = [
      { event: gone, subscription: 'SUBSCRIBED', metadata: { version: 1 } },
      offer('invoice.paid', 'NONE', {}),
      offer('invoice.sent', 'NONE', {}),
      offer('user.created', 'SUBSCRIBED', { version: 1 }),
    ];
    expect(await answer(stage.api.get(path), 200)).toEqual({ data: listed, next_cursor: null, limit: 20 });
    expect(await answer(stage.api.get(`${path}?limit=2&offset=1`), 200)).toMatchObject({
      data: listed.slice(1, 3),
      limit: 2,
      offset: 1,
    });
    const pages: Offer[][] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: List<Offer> = await answer(stage.api.get(`${path}?limit=1${cursor && `&cursor=${cursor}`}`), 200);
      pages.push(page.data);
      cursor = page.next_cursor;
    }
    expect(pages).toEqual(listed.map((each) => [each]));
  });

  test('are for what it has alone; what was said before can be taken back', async () => {
    expect(await statusOf('invoice.paid')).toBe(200);
    expect(await say('nobody.knows', 'SUBSCRIBE')).toEqual([
      {
        event_type: 'nobody.knows',
        status: 404,
        metadata: {},
        error: { code: 'not_found', detail: 'no such event type' },
      },
    ]);
    expect(await statusOf('old.type')).toBe(404);
    expect(await statusOf('nobody.knows', 'UNSUBSCRIBE')).toBe(404);
    expect(await statusOf('gone')).toBe(404);
    expect(await say('gone', 'UNSUBSCRIBE')).toEqual([{ event_type: 'gone', status: 200, metadata: { version: 2 } }]);
  });

  test('in a strict environment are for what it has, even where that is nothing', async () => {
    await stage.restartAfter(async ({ target }) => {
      const db = await openDatabase(target, () => {});
      await db.script('delete from event_type; update environment set strict_event_types = true');
      await db.close();
    });
    expect(await statusOf('invoice.sent')).toBe(404);
    expect(await statusOf('invoice.paid', 'UNSUBSCRIBE')).toBe(200);
  });
});
