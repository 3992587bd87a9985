import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { verify } from '@postrider/webhook';
import { describe, expect, test } from 'vitest';
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
import { resolve } from '../../kit/brokers/names.ts';
import { refusalsOn } from '../../kit/brokers/refusals.ts';
import { brokerOn, type Config } from '../../kit/brokers/stage.ts';
import { stageOn } from '../../kit/stage.ts';
import { until } from '../../kit/until.ts';
import type { DestinationStage } from './stage.ts';

const SECRETS = ['password', 'credentials', 'secret_access_key'];
const OUTAGE_MS = 90_000;

/** An endpoint that is a queue of this kind of broker: published through the API, read with the broker's own client. */
export function destinations(kind: string, open: () => Promise<DestinationStage>, missing: string | null): void {
  describe.skipIf(missing !== null)(missing === null ? `an endpoint on ${kind}` : `${kind}: ${missing}`, () => {
    const on = brokerOn(open);
    const stage = stageOn('embedded', {
      env: () => ({ POSTRIDER_EGRESS_ALLOW: on.broker.allow }),
      substitutes: { resolve },
    });
    const create = (config: Config, more: object = {}) =>
      createEndpoint(stage.api, { type: on.broker.type, config, events: ['never.matches'], ...more });

    test('takes what is published, signed, with its own client to read it', async () => {
      const name = await on.queue();
      const config = on.broker.config(name);
      const endpoint = await create(config, { events: ['invoice.*'], headers: { 'x-team': 'billing' } });
      expect(endpoint).toMatchObject({ type: on.broker.type, status: 'active' });
      expect(Object.keys(endpoint.config ?? {}).sort()).toEqual(Object.keys(config).sort());
      for (const secret of SECRETS) {
        if (secret in config) expect(endpoint.config?.[secret]).toBe(MASK);
      }
      const shown = JSON.stringify(endpoint);
      for (const secret of SECRETS) if (secret in config) expect(shown).not.toContain(JSON.stringify(config[secret]));
      expect(endpoint.url).toContain(name);

      const payload = { amount: 1.5, text: 'Größe 漢字' };
      const { message_id } = await answer<Accepted>(
        stage.api.post('/v1/messages', { event_type: 'invoice.paid', payload, headers: { 'x-trace': 'abc' } }),
        202,
      );
      const { deliveries } = await answer<Message>(stage.api.get(`/v1/messages/${message_id}`), 200);
      const delivery = await settled(stage.api, deliveries[0]?.id ?? '');
      expect(delivery).toMatchObject({ status: 'SENT', attempt_count: 1, last_status_code: null, last_error: null });

      const [found, ...others] = await on.broker.read(name);
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

      const [attempt] = await attemptsOf(stage.api, delivery.id);
      expect(attempt).toMatchObject({ status: 'success', trigger: 'scheduled', url: endpoint.url, error: null });
      expect(attempt?.response_status).toBeNull();
    });

    test('takes a test event, a replay once more, and the order of a fifo endpoint', async () => {
      const name = await on.queue();
      const { id } = await create(on.broker.config(name), { ordering: 'fifo' });
      const sent = await answer<{ delivery_id: string }>(stage.api.post(`/v1/endpoints/${id}/test`, {}), 202);
      expect(await settled(stage.api, sent.delivery_id)).toMatchObject({ status: 'SENT' });
      const made: string[] = [];
      for (let n = 1; n <= 5; n++) made.push(await sendTo(stage.api, id, { payload: { n } }));
      for (const each of made) expect(await settled(stage.api, each)).toMatchObject({ status: 'SENT' });
      const bodies = async () => (await on.broker.read(name)).map(({ body }) => JSON.parse(body));
      expect((await bodies()).flatMap(({ n }) => (n ? [n] : []))).toEqual([1, 2, 3, 4, 5]);
      await answer(
        stage.api.post(`/v1/endpoints/${id}/replay`, { since: '2020-01-01T00:00:00Z', only_failed: false }),
        202,
      );
      await until(bodies, (all) => all.length === 12);
    });

    test('holds what it cannot be given while the broker is away, and drains when it is back', {
      timeout: 300_000,
    }, async () => {
      const name = await on.queue();
      const retry_policy = Array.from({ length: 15 }, () => 1);
      const { id } = await create(on.broker.config(name), { retry_policy });
      const before = await sendTo(stage.api, id, { payload: { n: 0 } });
      await settled(stage.api, before);
      await on.broker.server.halt();
      const made: string[] = [];
      try {
        for (let n = 1; n <= 30; n++) made.push(await sendTo(stage.api, id, { payload: { n } }));
        await until(
          () => stateOf(stage.api, id),
          (state) => state === 'open',
          OUTAGE_MS,
        );
        // What failed says why; what is held has spent nothing, and spends nothing.
        const seen = await Promise.all(
          made.map((each) => answer<HeldDelivery>(stage.api.get(`/v1/deliveries/${each}`), 200)),
        );
        const errors = new Set(seen.flatMap(({ last_error }) => (last_error === null ? [] : [last_error])));
        expect([...errors]).toEqual(['broker_unreachable']);
        const held = seen.filter(({ held_by }) => held_by === 'circuit_open');
        expect(held.length).toBeGreaterThan(0);
        const spent = seen.reduce((sum, { attempt_count }) => sum + attempt_count, 0);
        expect(spent).toBeLessThan(made.length * retry_policy.length);
      } finally {
        await on.broker.server.resume();
      }
      for (const each of made) {
        const { status } = await until(
          () => answer<Delivery>(stage.api.get(`/v1/deliveries/${each}`), 200),
          ({ status }) => status === 'SENT' || status === 'FAILED',
          OUTAGE_MS,
        );
        expect(status).toBe('SENT');
      }
      expect(await stateOf(stage.api, id)).toBe('closed');
      const there = new Set((await on.broker.read(name)).map(({ body }) => JSON.parse(body).n));
      expect([...there].sort((a, b) => a - b)).toEqual(Array.from({ length: 31 }, (_, n) => n));
    });

    test('goes on as another user while events come in, and none is lost', { timeout: 180_000 }, async ({ skip }) => {
      if (!on.broker.users) return skip('it asks nobody who he is');
      const name = await on.queue();
      const [first, second] = [await on.broker.users.create(), await on.broker.users.create()];
      const { id } = await create(on.broker.config(name, first), { retry_policy: [1, 1, 1, 1, 1] });
      const made: string[] = [];
      const publish = async (count: number) => {
        for (let n = 0; n < count; n++) made.push(await sendTo(stage.api, id, { payload: { n: made.length } }));
      };
      await publish(50);
      const [patched] = await Promise.all([
        stage.api.patch(`/v1/endpoints/${id}`, { config: on.broker.as(second) }),
        publish(50),
      ]);
      expect(patched.status, patched.text).toBe(200);
      await publish(20);
      await on.broker.users.remove(first);
      await publish(50);
      for (const each of made) expect(await settled(stage.api, each)).toMatchObject({ status: 'SENT' });
      const there = new Set((await on.broker.read(name)).map(({ body }) => JSON.parse(body).n));
      expect(there.size).toBe(made.length);
    });

    test('is held to the address policy when its client connects again', { timeout: 180_000 }, async () => {
      const name = await on.queue();
      let exempt = exempting(on.broker.allow);
      const policy: EgressPolicy = {
        ...LAX,
        get exempt() {
          return exempt;
        },
      };
      const port = openQueue(on.broker.type, on.broker.config(name), { policy, resolve });
      try {
        await port.publish([{ body: '{}' }]);
        await on.broker.server.halt();
        await on.broker.server.resume();
        exempt = [];
        // A client may still have to notice that its connection has gone.
        const outcome = await until(
          () =>
            port.publish([{ body: '{}' }]).then(
              () => null,
              (error: { code?: string }) => error,
            ),
          (error) => error?.code !== 'unreachable',
          OUTAGE_MS,
        );
        expect(outcome).toMatchObject({
          name: 'EgressError',
          code: 'egress_blocked',
          message: 'private_address 127.0.0.1',
        });
        expect(await port.health('publishing')).toMatchObject({ ok: false });
        exempt = exempting(on.broker.allow);
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
      const refusalOf = refusalsOn(on, (config) => stage.api.post('/v1/endpoints', { type: on.broker.type, config }));

      test('there is no such host', async () => {
        expect(await refusalOf(on.broker.at('broker.nowhere.example.com', 4_000))).toMatch(/^\/config: unreachable: /);
      });

      test('one of the addresses of its host is inside', async ({ skip }) => {
        if (on.broker.looksUpItself) return skip('its client looks names up itself');
        expect(await refusalOf(on.broker.at('half.example.com', 4_000))).toBe(
          '/config: egress_blocked: private_address 10.0.0.1',
        );
      });

      test('the server takes the connection and says nothing', async () => {
        const sockets = new Set<Socket>();
        const silent = createServer((socket) => sockets.add(socket.on('error', () => {}))).listen(
          on.broker.quietPort ?? 0,
          '127.0.0.1',
        );
        await once(silent, 'listening');
        const address = silent.address();
        const port = address !== null && typeof address === 'object' ? address.port : 0;
        try {
          expect(await refusalOf(on.broker.at(on.broker.host, port))).toMatch(/^\/config: unreachable: /);
        } finally {
          for (const socket of sockets) socket.destroy();
          silent.close();
        }
      });
    });

    test('stays as it was where a change is refused, and takes masked secrets back as they were', async () => {
      const name = await on.queue();
      const endpoint = await create(on.broker.config(name));
      if (on.broker.wrongPassword) {
        const wrong = await stage.api.patch(`/v1/endpoints/${endpoint.id}`, { config: on.broker.wrongPassword });
        expect(wrong.status, wrong.text).toBe(422);
      }
      const same = await stage.api.patch(`/v1/endpoints/${endpoint.id}`, { config: endpoint.config });
      expect(same.status, same.text).toBe(200);
      expect(await settled(stage.api, await sendTo(stage.api, endpoint.id))).toMatchObject({ status: 'SENT' });
    });

    test('says why an attempt failed whose queue has gone', async ({ skip }) => {
      if (on.broker.saidOfMissing === null) return skip('it is made by the first event');
      const name = await on.queue();
      const { id } = await create(on.broker.config(name), { retry_policy: [] });
      await on.broker.deleteQueue(name);
      expect(await settled(stage.api, await sendTo(stage.api, id))).toMatchObject({
        status: 'FAILED',
        last_error: 'broker_no_such_queue',
      });
    });

    test('says that a message is too large, and goes on with the next', async ({ skip }) => {
      if (on.broker.tooLarge === null) return skip('it takes whatever an event may have');
      const name = await on.queue();
      const { id } = await create(on.broker.config(name), { retry_policy: [] });
      const large = await sendTo(stage.api, id, { payload: ['x'.repeat(on.broker.tooLarge)] });
      const small = await sendTo(stage.api, id);
      expect(await settled(stage.api, large)).toMatchObject({ status: 'FAILED', last_error: 'broker_too_large' });
      expect(await settled(stage.api, small)).toMatchObject({ status: 'SENT' });
      expect(await stateOf(stage.api, id)).toBe('closed');
    });
  });
}

function outcomeOf(published: Promise<void>): Promise<string> {
  return published.then(() => 'published', String);
}

async function stateOf(api: Api, id: string): Promise<string> {
  return (await answer<NewEndpoint>(api.get(`/v1/endpoints/${id}`), 200)).circuit.state;
}
