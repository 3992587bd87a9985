import { beforeAll, expect, test } from 'vitest';
import { all, answer, createEndpoint, type MessageRow, type NewApiKey, type NewEndpoint } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { inRows } from '../kit/rows.ts';
import { stageOn } from '../kit/stage.ts';

const event = { event_type: 'invoice.paid', payload: { n: 1 } };
const keyed = (key: string) => ({ 'idempotency-key': key });

onBothDatabases('a used idempotency key', (kind) => {
  const stage = stageOn(kind);

  beforeAll(async () => {
    await createEndpoint(stage.api, { url: `${stage.receiver.url}/ok`, events: ['nothing.else'] });
  });

  const publish = (key: string) => stage.api.post('/v1/messages', event, keyed(key));
  const messages = async () => (await all<MessageRow>(stage.api, '/v1/messages')).length;

  test('is remembered across a restart', async () => {
    const first = await publish('kept');
    const key = { name: 'k', scope: 'read' };
    const created = await stage.api.post('/v1/api-keys', key, keyed('kept'));
    await stage.restart();
    const second = await publish('kept');
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.text).toBe(first.text);
    expect((await stage.api.post('/v1/api-keys', key, keyed('kept'))).text).toBe(created.text);
  });

  test('is free again after 24 hours, and not before', async () => {
    const [young, old] = [await publish('23 hours old'), await publish('25 hours old')];
    const key = { name: 'k', scope: 'read' };
    const created = await answer<NewApiKey>(stage.api.post('/v1/api-keys', key, keyed('25 hours old')), 201);
    const before = await messages();
    await stage.restartAfter(async (database) => {
      await inRows(
        database,
        "update idempotency_key set created_at = now() - interval '23 hours 59 minutes' where key = '23 hours old'",
      );
      await inRows(
        database,
        "update idempotency_key set created_at = now() - interval '24 hours 1 minute' where key = '25 hours old'",
      );
    });
    const [replayed, fresh] = [await publish('23 hours old'), await publish('25 hours old')];
    expect(replayed.text).toBe(young.text);
    expect(replayed.headers.get('idempotent-replayed')).toBe('true');
    expect(fresh.headers.has('idempotent-replayed')).toBe(false);
    expect(fresh.body.id).not.toBe(old.body.id);
    expect(await messages()).toBe(before + 1);
    expect((await publish('25 hours old')).text).toBe(fresh.text);
    const renewed = await answer<NewApiKey>(stage.api.post('/v1/api-keys', key, keyed('25 hours old')), 201);
    expect(renewed.id).not.toBe(created.id);
  });

  test('keeps no secret where the database can be read', async () => {
    const endpoint = await answer<NewEndpoint>(
      stage.api.post(
        '/v1/endpoints',
        { url: `${stage.receiver.url}/ok`, headers: { authorization: 'Bearer s3cret' } },
        keyed('e'),
      ),
      201,
    );
    const apiKey = await answer<NewApiKey>(
      stage.api.post('/v1/api-keys', { name: 'k', scope: 'admin' }, keyed('a')),
      201,
    );
    let rows = '';
    await stage.restartAfter(async (database) => {
      rows = JSON.stringify(
        await inRows(database, 'select scope, key, status, body, fingerprint::text from idempotency_key'),
      );
    });
    expect(rows).toContain('POST /v1/api-keys');
    const secrets = [endpoint.secret, endpoint.secret.slice(6), apiKey.key, apiKey.key.slice(8), 's3cret'];
    for (const secret of secrets) {
      for (const form of [
        secret,
        Buffer.from(secret).toString('hex'),
        Buffer.from(secret).toString('base64').slice(0, -2),
      ]) {
        expect(rows.includes(form), form).toBe(false);
      }
    }
  });
});
