import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { verify } from '@postrider/webhook';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { open as openQueue } from '../../../src/brokers/open.ts';
import { MASK } from '../../../src/core/mask.ts';
import type { EgressPolicy } from '../../../src/egress/policy.ts';
import { exempting, LAX } from '../../egress/stage.ts';
import {
  type Accepted,
  answer,
  attemptsOf,
  createEndpoint,
  type Delivery,
  type HeldDelivery,
  type Message,
  type NewEndpoint,
  sendTo,
  settled,
} from '../../kit/answers.ts';
import type { Api } from '../../kit/api.ts';
import { createTestDatabase, type TestDatabase } from '../../kit/database.ts';
import { startTestPostrider, type TestPostrider } from '../../kit/postrider.ts';
import { until } from '../../kit/until.ts';
import type { Config, DestinationStage } from './stage.ts';

const SECRETS = ['password', 'credentials', 'secret_access_key'];
const OUTAGE_MS = 90_000;
const CHECK_MS = 10_000;

/** An endpoint that is a queue of this kind of broker: published through the API, read with the broker's own client. */
export function destinations(kind: string, open: () => Promise<DestinationStage>, missing: string | null): void {
  describe.skipIf(missing !== null)(missing === null ? `an endpoint on ${kind}` : `${kind}: ${missing}`, () => {
    let broker: DestinationStage;
    let database: TestDatabase;
    let postrider: TestPostrider;
    let api: Api;
    let queues = 0;

    beforeAll(async () => {
      broker = await open();
      database = await createTestDatabase('embedded');
      postrider = await startTestPostrider(database, {
        env: { POSTRIDER_EGRESS_ALLOW: broker.allow },
        substitutes: { resolve },
      });
      api = postrider.api;
    }, 300_000);
    afterAll(async () => {
      await postrider?.stop();
      await broker?.close();
      await database?.drop();
    }, 60_000);

    const queue = async () => {
      const name = `events-${++queues}`;
      await broker.makeQueue(name);
      return name;
    };
    const create = (config: Config, more: object = {}) =>
      createEndpoint(api, { type: broker.type, config, events: ['never.matches'], ...more });
    const refusalOf = async (config: Config) => {
      const startedAt = performance.now();
      const reply = await api.post('/v1/endpoints', { type: broker.type, config });
      expect(performance.now() - startedAt).toBeLessThan(CHECK_MS);
      expect(reply.status, reply.text).toBe(422);
      return String(reply.body.detail);
    };

    test('takes what is published, signed, with its own client to read it', async () => {
      const name = await queue();
      const config = broker.config(name);
      const endpoint = await create(config, { events: ['invoice.*'], headers: { 'x-team': 'billing' } });
      expect(endpoint).toMatchObject({ type: broker.type, status: 'active' });
      expect(Object.keys(endpoint.config ?? {}).sort()).toEqual(Object.keys(config).sort());
      for (const secret of SECRETS) {
        if (secret in config) expect(endpoint.config?.[secret]).toBe(MASK);
      }
      const shown = JSON.stringify(endpoint);
      for (const secret of SECRETS) if (secret in config) expect(shown).not.toContain(JSON.stringify(config[secret]));
      expect(endpoint.url).toContain(name);

      const payload = { amount: 1.5, text: 'Größe 漢字' };
      const { message_id } = await answer<Accepted>(
        api.post('/v1/messages', { event_type: 'invoice.paid', payload, headers: { 'x-trace': 'abc' } }),
        202,
      );
      const { deliveries } = await answer<Message>(api.get(`/v1/messages/${message_id}`), 200);
      const delivery = await settled(api, deliveries[0]?.id ?? '');
      expect(delivery).toMatchObject({ status: 'SENT', attempt_count: 1, last_status_code: null, last_error: null });

      const [found, ...others] = await broker.read(name);
      expect(others).toEqual([]);
      expect(JSON.parse(found?.body ?? '')).toEqual(payload);
      expect(found?.headers).toMatchObject({
        'content-type': 'application/json',
        'event-type': 'invoice.paid',
        'webhook-id': message_id,
        'x-team': 'billing',
        'x-trace': 'abc',
      });
      expect(verify(found?.body ?? '', found?.headers ?? {}, endpoint.secret)).toMatchObject({ id: message_id });

      const [attempt] = await attemptsOf(api, delivery.id);
      expect(attempt).toMatchObject({ status: 'success', trigger: 'scheduled', url: endpoint.url, error: null });
      expect(attempt?.response_status).toBeNull();
    });

    test('takes a test event, a replay once more, and the order of a fifo endpoint', async () => {
      const name = await queue();
      const { id } = await create(broker.config(name), { ordering: 'fifo' });
      const sent = await answer<{ delivery_id: string }>(api.post(`/v1/endpoints/${id}/test`, {}), 202);
      expect(await settled(api, sent.delivery_id)).toMatchObject({ status: 'SENT' });
      const made: string[] = [];
      for (let n = 1; n <= 5; n++) made.push(await sendTo(api, id, { payload: { n } }));
      for (const each of made) expect(await settled(api, each)).toMatchObject({ status: 'SENT' });
      const bodies = async () => (await broker.read(name)).map(({ body }) => JSON.parse(body));
      expect((await bodies()).flatMap(({ n }) => (n ? [n] : []))).toEqual([1, 2, 3, 4, 5]);
      await answer(api.post(`/v1/endpoints/${id}/replay`, { since: '2020-01-01T00:00:00Z', only_failed: false }), 202);
      await until(bodies, (all) => all.length === 12);
    });

    test('holds what it cannot be given while the broker is away, and drains when it is back', {
      timeout: 300_000,
    }, async () => {
      const name = await queue();
      const retry_policy = Array.from({ length: 15 }, () => 1);
      const { id } = await create(broker.config(name), { retry_policy });
      const before = await sendTo(api, id, { payload: { n: 0 } });
      await settled(api, before);
      await broker.server.stop();
      const made: string[] = [];
      try {
        for (let n = 1; n <= 30; n++) made.push(await sendTo(api, id, { payload: { n } }));
        await until(
          () => stateOf(api, id),
          (state) => state === 'open',
          OUTAGE_MS,
        );
        // What failed says why; what is held has spent nothing, and spends nothing.
        const seen = await Promise.all(
          made.map((each) => answer<HeldDelivery>(api.get(`/v1/deliveries/${each}`), 200)),
        );
        const errors = new Set(seen.flatMap(({ last_error }) => (last_error === null ? [] : [last_error])));
        expect([...errors]).toEqual(['broker_unreachable']);
        const held = seen.filter(({ held_by }) => held_by === 'circuit_open');
        expect(held.length).toBeGreaterThan(0);
        const spent = seen.reduce((sum, { attempt_count }) => sum + attempt_count, 0);
        expect(spent).toBeLessThan(made.length * retry_policy.length);
      } finally {
        await broker.server.start();
      }
      for (const each of made) {
        const { status } = await until(
          () => answer<Delivery>(api.get(`/v1/deliveries/${each}`), 200),
          ({ status }) => status === 'SENT' || status === 'FAILED',
          OUTAGE_MS,
        );
        expect(status).toBe('SENT');
      }
      expect(await stateOf(api, id)).toBe('closed');
      const there = new Set((await broker.read(name)).map(({ body }) => JSON.parse(body).n));
      expect([...there].sort((a, b) => a - b)).toEqual(Array.from({ length: 31 }, (_, n) => n));
    });

    test('goes on as another user while events come in, and none is lost', { timeout: 180_000 }, async ({ skip }) => {
      if (!broker.users) return skip('it asks nobody who he is');
      const name = await queue();
      const [first, second] = [await broker.users.create(), await broker.users.create()];
      const { id } = await create(broker.config(name, first), { retry_policy: [1, 1, 1, 1, 1] });
      const made: string[] = [];
      const publish = async (count: number) => {
        for (let n = 0; n < count; n++) made.push(await sendTo(api, id, { payload: { n: made.length } }));
      };
      await publish(50);
      const [patched] = await Promise.all([
        api.patch(`/v1/endpoints/${id}`, { config: broker.as(second) }),
        publish(50),
      ]);
      expect(patched.status, patched.text).toBe(200);
      await publish(20);
      await broker.users.remove(first);
      await publish(50);
      for (const each of made) expect(await settled(api, each)).toMatchObject({ status: 'SENT' });
      const there = new Set((await broker.read(name)).map(({ body }) => JSON.parse(body).n));
      expect(there.size).toBe(made.length);
    });

    test('is held to the address policy when its client connects again', { timeout: 180_000 }, async () => {
      const name = await queue();
      let exempt = exempting(broker.allow);
      const policy: EgressPolicy = {
        ...LAX,
        get exempt() {
          return exempt;
        },
      };
      const port = openQueue(broker.type, broker.config(name), { policy, resolve });
      try {
        await port.publish([{ body: '{}' }]);
        await broker.server.stop();
        await broker.server.start();
        exempt = [];
        await expect(port.publish([{ body: '{}' }])).rejects.toMatchObject({
          name: 'EgressError',
          code: 'egress_blocked',
          message: 'private_address 127.0.0.1',
        });
        expect(await port.health('publishing')).toMatchObject({ ok: false });
        exempt = exempting(broker.allow);
        await until(
          () => outcomeOf(port.publish([{ body: '{}' }])),
          (outcome) => outcome === 'published',
          OUTAGE_MS,
        );
      } finally {
        await port.close();
      }
    });

    describe('is refused when it is set up, within 10 s and with the reason, where', () => {
      test('nobody listens at the port', async () => {
        expect(await refusalOf(broker.at(broker.local.host, 1))).toMatch(/^\/config: (unreachable|egress_blocked): /);
      });

      test('there is no such host', async () => {
        expect(await refusalOf(broker.at('broker.nowhere.example.com', 4_000))).toMatch(/^\/config: unreachable: /);
      });

      test('one of the addresses of its host is inside', async ({ skip }) => {
        if (broker.looksUpItself) return skip('its client looks names up itself');
        expect(await refusalOf(broker.at('half.example.com', 4_000))).toBe(
          '/config: egress_blocked: private_address 10.0.0.1',
        );
      });

      test('the host is inside', async () => {
        expect(await refusalOf(broker.at('10.0.0.1', 4_000))).toBe('/config: egress_blocked: private_address 10.0.0.1');
        expect(await refusalOf(broker.at('metadata.google.internal', 4_000))).toBe(
          '/config: egress_blocked: reserved_name metadata.google.internal',
        );
      });

      test('the server takes the connection and says nothing', async () => {
        const sockets = new Set<Socket>();
        const silent = createServer((socket) => sockets.add(socket.on('error', () => {}))).listen(
          broker.local.quietPort,
          '127.0.0.1',
        );
        await once(silent, 'listening');
        const address = silent.address();
        const port = address !== null && typeof address === 'object' ? address.port : 0;
        try {
          expect(await refusalOf(broker.at(broker.local.host, port))).toMatch(/^\/config: unreachable: /);
        } finally {
          for (const socket of sockets) socket.destroy();
          silent.close();
        }
      });

      test('the password is wrong', async ({ skip }) => {
        if (!broker.wrongPassword) return skip('it asks nobody who he is');
        const name = await queue();
        const refusal = await refusalOf({ ...broker.config(name), ...broker.wrongPassword });
        expect(refusal).toMatch(/^\/config: unauthorized: /);
        for (const secret of Object.values(broker.wrongPassword)) expect(refusal).not.toContain(secret);
      });

      test('the queue is not there', async ({ skip }) => {
        if (broker.missingQueue === null) return skip('it is made by the first event');
        expect(await refusalOf(broker.config(broker.missingQueue))).toMatch(/^\/config: no_such_queue: /);
      });
    });

    test('stays as it was where a change is refused, and takes masked secrets back as they were', async () => {
      const name = await queue();
      const endpoint = await create(broker.config(name));
      if (broker.wrongPassword) {
        const wrong = await api.patch(`/v1/endpoints/${endpoint.id}`, { config: broker.wrongPassword });
        expect(wrong.status, wrong.text).toBe(422);
      }
      const same = await api.patch(`/v1/endpoints/${endpoint.id}`, { config: endpoint.config });
      expect(same.status, same.text).toBe(200);
      expect(await settled(api, await sendTo(api, endpoint.id))).toMatchObject({ status: 'SENT' });
    });

    test('says why an attempt failed whose queue has gone', async ({ skip }) => {
      if (broker.missingQueue === null) return skip('it is made by the first event');
      const name = await queue();
      const { id } = await create(broker.config(name), { retry_policy: [] });
      await broker.deleteQueue(name);
      expect(await settled(api, await sendTo(api, id))).toMatchObject({
        status: 'FAILED',
        last_error: 'broker_no_such_queue',
      });
    });

    test('says that a message is too large, and goes on with the next', async ({ skip }) => {
      if (broker.tooLarge === null) return skip('it takes whatever an event may have');
      const name = await queue();
      const { id } = await create(broker.config(name), { retry_policy: [] });
      const large = await sendTo(api, id, { payload: ['x'.repeat(broker.tooLarge)] });
      const small = await sendTo(api, id);
      expect(await settled(api, large)).toMatchObject({ status: 'FAILED', last_error: 'broker_too_large' });
      expect(await settled(api, small)).toMatchObject({ status: 'SENT' });
      expect(await stateOf(api, id)).toBe('closed');
    });
  });
}

/** The names that there are. */
const ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  localhost: ['127.0.0.1'],
  'half.example.com': ['8.8.8.8', '10.0.0.1'],
};

async function resolve(name: string) {
  const addresses = ADDRESSES[name];
  if (!addresses) throw Object.assign(new Error(`no ${name}`), { code: 'ENOTFOUND' });
  return addresses.map((address) => ({ address, family: 4 }));
}

function outcomeOf(published: Promise<void>): Promise<string> {
  return published.then(() => 'published', String);
}

async function stateOf(api: Api, id: string): Promise<string> {
  return (await answer<NewEndpoint>(api.get(`/v1/endpoints/${id}`), 200)).circuit.state;
}
