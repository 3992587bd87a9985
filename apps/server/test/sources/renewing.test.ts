import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { pino } from 'pino';
import { test } from 'vitest';
import { newId, type Uuid } from '../../src/core/ids.ts';
import { seal } from '../../src/crypto/vault.ts';
import { createSources } from '../../src/sources/sources.ts';
import type { Statement } from '../../src/store/database.ts';
import { until } from '../kit/until.ts';

test('a source that the database refuses to hear of keeps no other from being renewed', async () => {
  const dataKey = { environmentId: newId(), key: randomBytes(32) };
  const [bad, good] = [newId(), newId()];
  let renewals = 0;
  let isClaimed = false;
  const rowOf = (id: Uuid) => ({
    ...{ id, environment_id: dataKey.environmentId, application_id: newId(), type: 'redis', version: 1 },
    ...{ event_type: { fixed: 'a' }, config: seal(dataKey, id, 'source_config', '{}') },
  });
  const answers: Readonly<Record<string, (values: readonly unknown[]) => unknown[]>> = {
    source_any: () => [{ sources: 2 }],
    source_process_present: () => [{ others: 0 }],
    source_claim() {
      if (isClaimed) return [];
      isClaimed = true;
      return [bad, good].map(rowOf);
    },
    source_state: () => [bad, good].map((id) => ({ id, version: 1, is_active: true })),
    source_keep(values) {
      // Ids are an array in binary form.
      const names = (id: Uuid) => values.some((each) => Buffer.isBuffer(each) && each.includes(bytesOf(id)));
      if (names(bad)) throw refusal();
      if (names(good)) renewals++;
      return [{ id: good }];
    },
  };
  const query = async <Row>({ name }: Statement<Row>, values: readonly unknown[]) =>
    (answers[name]?.(values) ?? []) as Row[];
  const sources = createSources({
    db: { kind: 'postgresql', query } as never,
    log: pino({ level: 'silent' }),
    directory: { dataKey: async () => dataKey } as never,
    acceptor: { accept: () => Promise.reject(new Error('nothing is received')) },
    explain: String,
    open: async (_type, _config, receiver) => ({
      receive: () => Promise.reject(new Error(receiver)),
      ack: async () => {},
      close: async () => {},
    }),
    intervalMs: 10,
    leaseMs: 3_000,
  });
  sources.start();
  try {
    await until(
      () => renewals,
      (count) => count >= 3,
    );
  } finally {
    await sources.stop();
  }
});

function bytesOf(id: Uuid): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex');
}

function refusal() {
  const error = new pg.DatabaseError('invalid byte sequence for encoding "UTF8": 0x00', 0, 'error');
  error.code = '22021';
  return error;
}
