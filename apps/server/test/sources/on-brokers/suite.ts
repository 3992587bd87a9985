import { describe, expect, test } from 'vitest';
import { MASK } from '../../../src/core/mask.ts';
import { all, answer, createEndpoint, type MessageRow } from '../../kit/answers.ts';
import { resolve } from '../../kit/brokers/names.ts';
import { refusalsOn } from '../../kit/brokers/refusals.ts';
import { brokerOn } from '../../kit/brokers/stage.ts';
import { stageOn } from '../../kit/stage.ts';
import { until } from '../../kit/until.ts';
import { createSource, eventOf, type Rejection, type RejectionDetail, type Source, sourceOnce } from '../answers.ts';
import type { SourceStage } from './stage.ts';

const AWAY_MS = 90_000;

/** A source that is a queue of this kind of broker: published with the broker's own client, delivered to endpoints. */
export function sources(kind: string, open: () => Promise<SourceStage>, missing: string | null): void {
  describe.skipIf(missing !== null)(missing === null ? `a source on ${kind}` : `${kind}: ${missing}`, () => {
    const on = brokerOn(open);
    const stage = stageOn('embedded', {
      env: () => ({ POSTRIDER_EGRESS_ALLOW: `${on.broker.allow} 127.0.0.0/8` }),
      substitutes: { resolve },
    });
    /** Event types of the messages that came through a queue: each names its queue. */
    const taken = async (name: string) => {
      const messages = await all<MessageRow>(stage.api, '/v1/messages');
      return messages.flatMap(({ event_type }) => (event_type.startsWith(`${name}.`) ? [event_type] : []));
    };
    const wanted = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}.n${n}`).sort();
    const drained = (name: string) =>
      until(
        () => on.broker.waiting?.(name) ?? 0,
        (count) => count === 0,
        AWAY_MS,
      );

    test('makes each message an event that reaches its endpoints, and is empty then', async () => {
      const name = await on.queue();
      await createEndpoint(stage.api, { url: `${stage.receiver.url}/ok/${name}`, events: [`${name}.*`] });
      const config = on.broker.config(name);
      const source = await createSource(stage.api, { type: on.broker.type, name: 'Orders', config });
      expect(source).toMatchObject({
        type: on.broker.type,
        name: 'Orders',
        status: 'active',
        received: 0,
        rejected: 0,
      });
      for (const secret of ['password', 'credentials']) if (secret in config) expect(source.config[secret]).toBe(MASK);
      expect(JSON.stringify(source)).not.toContain(String(config.password ?? config.credentials));
      expect(source.url).toContain(name);

      const body = `{ "amount": 1.0, "text": "Größe 漢字", "big": 12345678901234567890 }`;
      await on.broker.publish(name, [{ body, headers: { 'event-type': `${name}.paid` } }]);
      const [request] = await stage.receiver.waitFor((each) => each.path === `/ok/${name}`);
      expect(request?.body).toBe(body);
      await drained(name);
      const { received, last_received_at, last_error } = await sourceOnce(
        stage.api,
        source.id,
        ({ received }) => received > 0,
      );
      expect({ received, last_error }).toEqual({ received: 1, last_error: null });
      expect(Date.parse(last_received_at ?? '')).toBeGreaterThan(Date.now() - 60_000);
    });

    test('takes many, each once, while others are bad and stand in nobody’s way', async () => {
      const name = await on.queue();
      const { id } = await createSource(stage.api, { type: on.broker.type, name, config: on.broker.config(name) });
      const bad = [
        { body: 'no JSON', headers: { 'event-type': `${name}.bad` } },
        { body: '{}' },
        { body: '{}', headers: { 'event-type': 'not an event type' } },
        { body: '"text"', headers: { 'event-type': `${name}.bad` } },
        { body: Buffer.from([0x7b, 0xff, 0x7d]), headers: { 'event-type': `${name}.bad` } },
        { body: JSON.stringify(['x'.repeat(300 * 1024)]), headers: { 'event-type': `${name}.bad` } },
      ];
      if (on.broker.takesNoLarger) bad.pop();
      const count = bad.length;
      for (let n = 0; n < 300; n += 50) {
        await on.broker.publish(
          name,
          Array.from({ length: 50 }, (_, i) => eventOf(name, n + i)),
        );
        await on.broker.publish(name, bad.splice(0, 1));
      }
      await sourceOnce(stage.api, id, ({ received, rejected }) => received === 300 && rejected === count);
      await drained(name);
      expect((await taken(name)).sort()).toEqual(wanted(name, 300));
      const rejections = await all<Rejection>(stage.api, `/v1/sources/${id}/rejections`);
      expect(rejections.map(({ reason }) => reason).sort()).toEqual([
        'event_type_invalid',
        'event_type_missing',
        'payload_not_json',
        'payload_not_json',
        'payload_not_json',
        ...(on.broker.takesNoLarger ? [] : ['payload_too_large']),
      ]);
      if (on.broker.takesNoLarger) return;
      const large = rejections.find(({ reason }) => reason === 'payload_too_large');
      const path = `/v1/sources/${id}/rejections/${large?.id}`;
      const detail = await answer<RejectionDetail>(stage.api.get(path), 200);
      expect(detail.headers).toMatchObject({ 'event-type': `${name}.bad` });
      expect(Buffer.from(detail.body, 'base64').length).toBe(256 * 1024);
      expect(detail.body_bytes).toBe(300 * 1024 + 4);
    });

    test('holds what comes while it is paused, and takes it when it is resumed', async () => {
      const name = await on.queue();
      const { id } = await createSource(stage.api, { type: on.broker.type, name, config: on.broker.config(name) });
      await on.broker.publish(name, [eventOf(name, 0)]);
      await sourceOnce(stage.api, id, ({ received }) => received === 1);
      const paused = await answer<Source>(stage.api.post(`/v1/sources/${id}/pause`), 200);
      expect(paused).toMatchObject({ status: 'paused', paused_reason: 'by_request' });
      await sourceOnce(stage.api, id, ({ receiving }) => !receiving);
      await on.broker.publish(name, [eventOf(name, 1), eventOf(name, 2)]);
      if (on.broker.waiting) expect(await on.broker.waiting(name)).toBe(2);
      await answer<Source>(stage.api.post(`/v1/sources/${id}/resume`), 200);
      await sourceOnce(stage.api, id, ({ received }) => received === 3);
      await drained(name);
      expect((await taken(name)).sort()).toEqual(wanted(name, 3));
    });

    test('says that its broker is away, and goes on when it is back', { timeout: 300_000 }, async () => {
      const name = await on.queue();
      const { id } = await createSource(stage.api, { type: on.broker.type, name, config: on.broker.config(name) });
      await on.broker.publish(
        name,
        Array.from({ length: 100 }, (_, n) => eventOf(name, n)),
      );
      await on.broker.server.halt();
      try {
        const { last_error } = await sourceOnce(stage.api, id, ({ last_error }) => last_error !== null, AWAY_MS);
        expect(last_error).toMatch(/^(unreachable|egress_blocked): /);
      } finally {
        await on.broker.server.resume();
      }
      await on.broker.publish(
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
      await sourceOnce(stage.api, id, ({ last_error }) => last_error === null);
    });

    test('goes on as another user while messages come in', { timeout: 180_000 }, async ({ skip }) => {
      const { users } = on.broker;
      if (!users) return skip('it knows no users');
      const name = await on.queue();
      const [first, second] = [await users.create(), await users.create()];
      const { id } = await createSource(stage.api, {
        type: on.broker.type,
        name,
        config: on.broker.config(name, first),
      });
      let made = 0;
      const publish = async (count: number) => {
        for (let n = 0; n < count; n += 10) {
          await on.broker.publish(
            name,
            Array.from({ length: 10 }, () => eventOf(name, made++)),
          );
        }
      };
      await publish(50);
      const [patched] = await Promise.all([
        stage.api.patch(`/v1/sources/${id}`, { config: on.broker.as(second) }),
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
      await sourceOnce(stage.api, id, ({ last_error }) => last_error === null);
    });

    test('keeps the order of a group', async () => {
      const name = await on.queue();
      const { id } = await createSource(stage.api, { type: on.broker.type, name, config: on.broker.config(name) });
      const messages = Array.from({ length: 60 }, (_, n) => ({ ...eventOf(name, n), group: `g${n % 3}` }));
      await on.broker.publish(name, messages);
      await sourceOnce(stage.api, id, ({ received }) => received === 60);
      // Newest first.
      const order = (await taken(name)).reverse().map((type) => Number(type.split('.n')[1]));
      for (const group of [0, 1, 2]) {
        const own = order.filter((n) => n % 3 === group);
        expect(own).toEqual(Array.from({ length: 20 }, (_, n) => 3 * n + group));
      }
    });

    describe('is refused when it is set up, within 10 s and with the reason, where', () => {
      refusalsOn(on, (config) => {
        const event_type = { header: 'event-type' };
        return stage.api.post('/v1/sources', { type: on.broker.type, name: 'x', config, event_type });
      });
    });
  });
}
