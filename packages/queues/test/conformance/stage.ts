import type { TestContext } from 'vitest';
import type { QueuePort } from '../../src/index.ts';
import type { OwnServer } from '../brokers/own-server.ts';
import type { Theirs } from '../brokers/theirs.ts';

/** A broker under test: a real one, of the test's own. */
export interface BrokerStage {
  /** As the table of results names it. */
  readonly kind: string;
  /** What runs there: `RabbitMQ 3.10.8`. */
  readonly version: string;
  /** A port to a queue of this name, which is made where it has to be. Two calls with one name are two clients. */
  open(queue: string, credentials?: Credentials): Promise<QueuePort>;
  /** Stops the server and starts it again, with what was stored. Null where that cannot be done. */
  readonly server: Pick<OwnServer, 'halt' | 'resume'> | null;
  /** A second user that may do the same, and the end of one. Null where the broker (or its stand-in) knows no users. */
  readonly users: { create(): Promise<Credentials>; remove(credentials: Credentials): Promise<void> } | null;
  /** Why groups have no order here. */
  readonly unordered?: string;
  close(): Promise<void>;
}

export async function theirStage(kind: string, their: Theirs): Promise<BrokerStage> {
  return {
    kind,
    version: await their.version(),
    open: async (queue) => their.open(queue),
    server: null,
    users: null,
    ...(their.unordered !== undefined && { unordered: their.unordered }),
    close: async () => {},
  };
}

/** Whatever the kind of broker takes. */
export type Credentials = Readonly<Record<string, string>>;

declare module 'vitest' {
  /** For the table of results: scripts/broker-table.ts. */
  interface TaskMeta {
    /** What was tested. */
    version?: string;
    /** Why this could not be. */
    notRun?: string;
  }
}

/** Ends a check that cannot be made on this broker. */
export function notRun({ task, skip }: TestContext, reason: string): never {
  task.meta.notRun = reason;
  return skip(reason);
}
