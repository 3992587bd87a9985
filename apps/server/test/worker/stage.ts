import { BROKER_TYPES, type BrokerType } from '../../src/core/broker/all.ts';
import type { Endpoint } from '../../src/core/endpoint.ts';
import { FAILING_RULE } from '../../src/core/failing.ts';
import type { Uuid } from '../../src/core/ids.ts';
import { Circuits } from '../../src/delivery/circuits.ts';
import { Recorder } from '../../src/delivery/recorder.ts';
import { Tallies } from '../../src/delivery/tallies.ts';
import type { Sent, Transport } from '../../src/delivery/transport.ts';
import { type EndpointSource, Worker, type WorkerOptions } from '../../src/delivery/worker.ts';
import { createLog } from '../../src/log.ts';
import type { Database } from '../../src/store/database.ts';
import type { LeasedDelivery } from '../../src/store/lease.ts';

/** A receiver in memory: each try waits until the test says how it went, or is answered at once by `answer`. */
export class FakeTransport implements Transport {
  readonly tries: { endpoint: Endpoint; delivery: LeasedDelivery; end: (sent?: Sent | Error) => void }[] = [];
  answer: ((delivery: LeasedDelivery) => Sent | Error) | null = null;

  send(endpoint: Endpoint, delivery: LeasedDelivery): Promise<Sent> {
    return new Promise((resolve, reject) => {
      const end = (sent: Sent | Error = response(200)) => (sent instanceof Error ? reject(sent) : resolve(sent));
      this.tries.push({ endpoint, delivery, end });
      if (this.answer) end(this.answer(delivery));
    });
  }

  endAll(sent?: Sent): void {
    for (const each of this.tries) each.end(sent);
  }
}

export function response(status: number, body = '', headers: Record<string, string> = {}): Sent {
  return {
    url: 'https://example.test/hook',
    requestHeaders: {},
    durationMs: 1.5,
    timings: { dns: null, connect: null, tls: null, first_byte: 1 },
    answer: { kind: 'response', status, headers, body },
  };
}

/** Endpoints by id; null is one that is gone. */
export function endpointsFrom(endpoints: ReadonlyMap<Uuid, Endpoint>): EndpointSource {
  return { known: () => undefined, endpoint: async (_environment, _application, id) => endpoints.get(id) ?? null };
}

/** A database whose statements fail with a broken connection while `isDown` says so, by name of statement. */
export function flaky(db: Database, isDown: (statement: string) => boolean): Database {
  const broken = () => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  return {
    kind: db.kind,
    query: async (statement, values) => {
      if (isDown(statement.name)) throw broken();
      return db.query(statement, values);
    },
    transaction: (work) => db.transaction(work),
    after: (prologue) => db.after(prologue),
    script: (sql) => db.script(sql),
    close: () => db.close(),
  };
}

function forBrokers(transport: Transport): Record<BrokerType, Transport> {
  return Object.fromEntries(BROKER_TYPES.map((type) => [type, transport])) as Record<BrokerType, Transport>;
}

export function createWorker(
  db: Database,
  of: Pick<WorkerOptions, 'endpoints'> & Partial<WorkerOptions>,
  transport: Transport,
) {
  const log = createLog('silent');
  const recorder = new Recorder({ db, log });
  return new Worker({
    ...{ circuits: new Circuits({ db, log, onChange: () => {} }) },
    ...{ tallies: new Tallies({ db, log, rule: FAILING_RULE }) },
    ...{
      db,
      log,
      recorder,
      transports: { webhook: transport, ...forBrokers(transport) },
      disable: async () => {},
      graceMs: 5_000,
    },
    ...of,
  });
}
