import { type Receiver, startReceiver } from '@postrider/receiver';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MASK } from '../../../src/core/mask.ts';
import { all, answer, createEndpoint, type MessageRow } from '../../kit/answers.ts';
import type { Api } from '../../kit/api.ts';
import { createTestDatabase, type TestDatabase } from '../../kit/database.ts';
import { startTestPostrider, type TestPostrider } from '../../kit/postrider.ts';
import { until } from '../../kit/until.ts';
import { createSource, eventOf, type Rejection, type RejectionDetail, type Source, sourceOnce } from '../answers.ts';
import type { Config, SourceStage } from './stage.ts';

const AWAY_MS = 90_000;
const CHECK_MS = 10_000;

/** A source that is a queue of this kind of broker: published with the broker's own client, delivered to endpoints. */
export function sources(kind: string, open: () => Promise<SourceStage>, missing: string | null): void {
  describe.skipIf(missing !== null)(missing === null ? `a source on ${kind}` : `${kind}: ${missing}`, () => {
    let broker: SourceStage;
    let database: TestDatabase;
    let postrider: TestPostrider;
    let receiver: Receiver;
    let api: Api;
    let queues = 0;

    beforeAll(async () => {
      broker = await open();
      receiver = await startReceiver();
      database = await createTestDatabase('embedded');
      postrider = await startTestPostrider(database, {
        env: { POSTRIDER_EGRESS_ALLOW: `${broker.allow} 127.0.0.0/8` },
      });
      api = postrider.api;
    }, 300_000);
    afterAll(async () => {
      await postrider?.stop();
      await receiver?.close();
      await broker?.close();
      await database?.drop();
    }, 60_000);

    const queue = async () => {
      const name = `events-${++queues}`;
      await broker.makeQueue(name);
      return name;
    };
    /** Event types of the messages that came through a queue: each names its queue. */
    const taken = async (name: string) => {
      const messages = await all<MessageRow>(api, '/v1/messages');
      return messages.flatMap(({ event_type }) => (event_type.startsWith(`${name}.`) ? [event_type] : []));
    };
    const wanted = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}.n${n}`).sort();
    const drained = (name: string) =>
      until(
        () => broker.waiting?.(name) ?? 0,
        (count) => count === 0,
        AWAY_MS,
      );

    test('makes each message an event that reaches its endpoints, and is empty then', async () => {
      const name = await queue();
      await createEndpoint(api, { url: `${receiver.url}/ok/${name}`, events: [`${name}.*`] });
      const config = broker.config(name);
      const source = await createSource(api, { type: broker.type, name: 'Orders', config });
      expect(source).toMatchObject({ type: broker.type, name: 'Orders', status: 'active', received: 0, rejected: 0 });
      for (const secret of ['password', 'credentials']) if (secret in config) expect(source.config[secret]).toBe(MASK);
      expect(JSON.stringify(source)).not.toContain(String(config.password ?? config.credentials));
      expect(source.url).toContain(name);

      const body = `{ "amount": 1.0, "text": "Größe 漢字", "big": 12345678901234567890 }`;
      await broker.publish(name, [{ body, headers: { 'event-type': `${name}.paid` } }]);
      const [request] = await receiver.waitFor((each) => each.path === `/ok/${name}`);
      expect(request?.body).toBe(body);
      await drained(name);
      const { received, last_received_at, last_error } = await sourceOnce(
        api,
        source.id,
        ({ received }) => received > 0,
      );
      expect({ received, last_error }).toEqual({ received: 1, last_error: null });
      expect(Date.parse(last_received_at ?? '')).toBeGreaterThan(Date.now() - 60_000);
    });

    test('takes many, each once, while others are bad and stand in nobody’s way', async () => {
      const name = await queue();
      const { id } = await createSource(api, { type: broker.type, name, config: broker.config(name) });
      const bad = [
        { body: 'no JSON', headers: { 'event-type': `${name}.bad` } },
        { body: '{}' },
        { body: '{}', headers: { 'event-type': 'not an event type' } },
        { body: '"text"', headers: { 'event-type': `${name}.bad` } },
        { body: Buffer.from([0x7b, 0xff, 0x7d]), headers: { 'event-type': `${name}.bad` } },
        { body: JSON.stringify(['x'.repeat(300 * 1024)]), headers: { 'event-type': `${name}.bad` } },
      ];
      if (broker.takesNoLarger) bad.pop();
      const count = bad.length;
      for (let n = 0; n < 300; n += 50) {
        await broker.publish(
          name,
          Array.from({ length: 50 }, (_, i) => eventOf(name, n + i)),
        );
        await broker.publish(name, bad.splice(0, 1));
      }
      await sourceOnce(api, id, ({ received, rejected }) => received === 300 && rejected === count);
      await drained(name);
      expect((await taken(name)).sort()).toEqual(wanted(name, 300));
      const rejections = await all<Rejection>(api, `/v1/sources/${id}/rejections`);
      expect(rejections.map(({ reason }) => reason).sort()).toEqual([
        'event_type_invalid',
        'event_type_missing',
        'payload_not_json',
        'payload_not_json',
        'payload_not_json',
        ...(broker.takesNoLarger ? [] : ['payload_too_large']),
      ]);
      if (broker.takesNoLarger) return;
      const large = rejections.find(({ reason }) => reason === 'payload_too_large');
      const path = `/v1/sources/${id}/rejections/${large?.id}`;
      const detail = await answer<RejectionDetail>(api.get(path), 200);
      expect(detail.headers).toMatchObject({ 'event-type': `${name}.bad` });
      expect(Buffer.from(detail.body, 'base64').length).toBe(256 * 1024);
      expect(detail.body_bytes).toBe(300 * 1024 + 4);
    });

    test('holds what comes while it is paused, and takes it when it is resumed', async () => {
      const name = await queue();
      const { id } = await createSource(api, { type: broker.type, name, config: broker.config(name) });
      await broker.publish(name, [eventOf(name, 0)]);
      await sourceOnce(api, id, ({ received }) => received === 1);
      const paused = await answer<Source>(api.post(`/v1/sources/${id}/pause`), 200);
      expect(paused).toMatchObject({ status: 'paused', paused_reason: 'by_request' });
      await sourceOnce(api, id, ({ receiving }) => !receiving);
      await broker.publish(name, [eventOf(name, 1), eventOf(name, 2)]);
      if (broker.waiting) expect(await broker.waiting(name)).toBe(2);
      await answer<Source>(api.post(`/v1/sources/${id}/resume`), 200);
      await sourceOnce(api, id, ({ received }) => received === 3);
      await drained(name);
      expect((await taken(name)).sort()).toEqual(wanted(name, 3));
    });

    test('says that its broker is away, and goes on when it is back', { timeout: 300_000 }, async () => {
      const name = await queue();
      const { id } = await createSource(api, { type: broker.type, name, config: broker.config(name) });
      await broker.publish(
        name,
        Array.from({ length: 100 }, (_, n) => eventOf(name, n)),
      );
      await broker.server.stop();
      try {
        const { last_error } = await sourceOnce(api, id, ({ last_error }) => last_error !== null, AWAY_MS);
        expect(last_error).toMatch(/^(unreachable|egress_blocked): /);
      } finally {
        await broker.server.start();
      }
      await broker.publish(
        name,
        Array.from({ length: 100 }, (_, n) => eventOf(name, 100 + n)),
      );
      await until(
        async () => new Set(await taken(name)).size,
        (size) => size === 200,
        AWAY_MS,
      );
      await drained(name);
      expect((await taken(name)).sort()).toEqual(wanted(name, 200));
      await sourceOnce(api, id, ({ last_error }) => last_error === null);
    });

    test('goes on as another user while messages come in', { timeout: 180_000 }, async ({ skip }) => {
      const { users } = broker;
      if (!users) return skip('it knows no users');
      const name = await queue();
      const [first, second] = [await users.create(), await users.create()];
      const { id } = await createSource(api, { type: broker.type, name, config: broker.config(name, first) });
      let made = 0;
      const publish = async (count: number) => {
        for (let n = 0; n < count; n += 10) {
          await broker.publish(
            name,
            Array.from({ length: 10 }, () => eventOf(name, made++)),
          );
        }
      };
      await publish(50);
      const [patched] = await Promise.all([
        api.patch(`/v1/sources/${id}`, { config: broker.as(second) }),
        publish(100),
      ]);
      expect(patched.status, patched.text).toBe(200);
      await publish(20);
      await users.remove(first);
      await publish(50);
      await until(
        async () => new Set(await taken(name)).size,
        (size) => size === made,
        AWAY_MS,
      );
      await drained(name);
      expect((await taken(name)).sort()).toEqual(wanted(name, made));
      await sourceOnce(api, id, ({ last_error }) => last_error === null);
    });

    test('keeps the order of a group', async () => {
      const name = await queue();
      const { id } = await createSource(api, { type: broker.type, name, config: broker.config(name) });
      const messages = Array.from({ length: 60 }, (_, n) => ({ ...eventOf(name, n), group: `g${n % 3}` }));
      await broker.publish(name, messages);
      await sourceOnce(api, id, ({ received }) => received === 60);
      // Newest first.
      const order = (await taken(name)).reverse().map((type) => Number(type.split('.n')[1]));
      for (const group of [0, 1, 2]) {
        const own = order.filter((n) => n % 3 === group);
        expect(own).toEqual(Array.from({ length: 20 }, (_, n) => 3 * n + group));
      }
    });

    describe('is refused when it is set up, within 10 s and with the reason, where', () => {
      const refusalOf = async (config: Config) => {
        const startedAt = performance.now();
        const event_type = { header: 'event-type' };
        const reply = await api.post('/v1/sources', { type: broker.type, name: 'x', config, event_type });
        expect(performance.now() - startedAt).toBeLessThan(CHECK_MS);
        expect(reply.status, reply.text).toBe(422);
        return String(reply.body.detail);
      };

      test('nobody listens at the port', async () => {
        expect(await refusalOf(broker.at(broker.host, 1))).toMatch(/^\/config: (unreachable|egress_blocked): /);
      });

      test('the host is inside', async () => {
        expect(await refusalOf(broker.at('10.0.0.1', 4_000))).toBe('/config: egress_blocked: private_address 10.0.0.1');
      });

      test('the password is wrong', async ({ skip }) => {
        if (!broker.wrongPassword) return skip('it knows no users');
        const name = await queue();
        const refusal = await refusalOf({ ...broker.config(name), ...broker.wrongPassword });
        expect(refusal).toMatch(/^\/config: unauthorized: /);
        for (const secret of Object.values(broker.wrongPassword)) expect(refusal).not.toContain(secret);
      });

      test('the queue is not there', async () => {
        expect(await refusalOf(broker.config('none'))).toMatch(broker.saidOfMissing ?? /^\/config: no_such_queue: /);
      });
    });
  });
}
