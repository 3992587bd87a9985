import { type Receiver, startReceiver } from '@postrider/receiver';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase, statement } from '../../src/store/database.ts';
import { onBothDatabases } from '../kit/database.ts';
import { impossibleRows } from './books.ts';
import { allDeliveries, type DeliveryView, settled } from './deliveries.ts';
import { type Place, Stage } from './stage.ts';

/** What a hand, a bug or a bad disk may have left in a row; $1 is the endpoint, to which two deliveries wait. */
const POISONS: Readonly<Record<string, { sql: string; end: 'SENT' | 'FAILED'; error?: string }>> = {
  'a secret that does not open': {
    sql: `update endpoint set secret = '\\x00' where id = $1`,
    ...{ end: 'FAILED', error: 'secret_unreadable' },
  },
  'headers that do not open': {
    sql: `update endpoint set headers = secret where id = $1`,
    ...{ end: 'FAILED', error: 'secret_unreadable' },
  },
  'a header that is no text': {
    sql: `update message set headers = '{"x-a": {"b": 1}}' where id in (select message_id from delivery where endpoint_id = $1)`,
    end: 'FAILED',
  },
  'a header with a line break': {
    sql: `update message set headers = '{"x-a": "b\\r\\nx-c: d"}' where id in (select message_id from delivery where endpoint_id = $1)`,
    end: 'FAILED',
  },
  'headers that are null': {
    sql: `update message set headers = 'null' where id in (select message_id from delivery where endpoint_id = $1)`,
    end: 'SENT',
  },
  'a payload that is no JSON': {
    sql: `update message set payload = '' where id in (select message_id from delivery where endpoint_id = $1)`,
    end: 'SENT',
  },
  'an unknown retry policy': {
    sql: `update endpoint set retry_policy = '"weekly"' where id = $1`,
    end: 'SENT',
  },
  'a retry policy that is no list': {
    sql: `update endpoint set retry_policy = '{"delays": "soon"}' where id = $1`,
    end: 'SENT',
  },
  'a URL that is none': {
    sql: `update endpoint set url = 'http:// not a url' where id = $1`,
    ...{ end: 'FAILED', error: 'egress_blocked' },
  },
  'an event type beyond all patterns': {
    sql: `update delivery set event_type = E'\\u0001\\n{"' || repeat('é', 500) where endpoint_id = $1`,
    end: 'SENT',
  },
  'no message': {
    sql: `delete from message where id in (select message_id from delivery where endpoint_id = $1)`,
    ...{ end: 'FAILED', error: 'message_missing' },
  },
  'an application that is not there': {
    sql: `update delivery set application_id = gen_random_uuid() where endpoint_id = $1`,
    ...{ end: 'FAILED', error: 'endpoint_deleted' },
  },
};

type Row = DeliveryView & { last_error: string | null };

onBothDatabases('rows that nobody foresaw', (kind) => {
  let stage: Stage;
  let place: Place;
  // The stage's reads what it gets, and some of this cannot be read.
  let receiver: Receiver;

  beforeEach(async () => {
    stage = await Stage.set(kind);
    receiver = await startReceiver({ record: 'none' });
  });
  afterEach(async () => {
    await receiver.close();
    await stage.clear();
  });

  test('hold up nobody else, nor the lane they are in; each delivery ends, and the log says why', async () => {
    // Without a worker nothing is sent before it is poisoned.
    place = await stage.serve({ POSTRIDER_ROLES: 'api' });
    const endpoints = new Map<string, string>();
    for (const name of ['well', ...Object.keys(POISONS)]) {
      // In order, so that what never ended would stop what comes after it.
      endpoints.set(name, await addEndpoint(name === 'well' ? 'none' : 'fifo'));
    }
    for (const id of [...endpoints.values(), ...endpoints.values()]) {
      const sent = await place.api.post('/v1/send', { destination: id, event_type: 'order.paid', payload: { n: 0 } });
      expect(sent.status).toBe(202);
    }
    expect(await place.server.stop()).toEqual({ code: 0, signal: null });
    await poison(endpoints);

    place = await stage.serve();
    await settled(place.api, 30_000);
    const all = [...(await allDeliveries(place.api)).values()] as Row[];
    const ends = (name: string) =>
      all.filter(({ endpoint_id }) => endpoint_id === endpoints.get(name)).map(({ status }) => status);
    expect(ends('well')).toEqual(['SENT', 'SENT']);
    for (const [name, { end, error }] of Object.entries(POISONS)) {
      expect(ends(name), name).toEqual([end, end]);
      const errors = all.filter(({ endpoint_id }) => endpoint_id === endpoints.get(name)).map((row) => row.last_error);
      if (error) expect(errors, name).toEqual([error, error]);
    }
    expect(place.server.count('an attempt failed on our side')).toBeGreaterThan(0);
    expect(place.server.warnings.join('\n')).not.toMatch(/whsec_/);

    // It goes on as if nothing had been.
    const reply = await place.api.post('/v1/messages', { event_type: 'order.paid', payload: { n: 0 } });
    expect(reply).toMatchObject({ status: 202, body: { fanout: endpoints.size } });
    await settled(place.api, 30_000);
    expect(await place.server.stop()).toEqual({ code: 0, signal: null });
    expect(place.server.stderr).toBe('');
    const impossible = await impossibleRows(stage.database);
    expect(impossible.filter((found) => !found.includes('without its message'))).toEqual([]);
  });

  async function addEndpoint(ordering: string): Promise<string> {
    const url = `${receiver.url}/ok`;
    const { status, body } = await place.api.post('/v1/endpoints', { url, ordering, retry_policy: [0.1] });
    expect(status).toBe(201);
    return String(body.id);
  }

  async function poison(endpoints: ReadonlyMap<string, string>): Promise<void> {
    const db = await openDatabase(stage.database.target, () => {});
    // As they lie in the database: made one after the other.
    const rows = await db.query(statement<{ id: string }>('', 'select id from endpoint order by id'), []);
    for (const [n, name] of [...endpoints.keys()].entries()) {
      const sql = POISONS[name]?.sql;
      if (sql) await db.query(statement('', sql), [rows[n]?.id]);
    }
    await db.close();
  }
});
