import { afterAll, beforeAll } from 'vitest';
import type { OwnServer } from '../../../../../packages/queues/test/brokers/own-server.ts';
import type { BrokerType } from '../../../src/core/broker/all.ts';

/** A broker under test: a real one (or its stand-in) of the test's own. */
export interface BrokerStage {
  readonly type: BrokerType;
  /** Of an endpoint or a source that is this queue, as a user that may do what it takes and no more. */
  config(queue: string, credentials?: Credentials): Config;
  /** The fields that say as whom. */
  as(credentials: Credentials): Config;
  /** The config at another place. */
  at(host: string, port: number): Config;
  /** Null where it asks nobody who he is. */
  readonly wrongPassword: Config | null;
  makeQueue(queue: string): Promise<void>;
  /** Said of a queue that is not there, where it is not `no_such_queue`; null where none could be missing. */
  readonly saidOfMissing?: RegExp | null;
  readonly server: Pick<OwnServer, 'halt' | 'resume'>;
  readonly users: { create(): Promise<Credentials>; remove(credentials: Credentials): Promise<void> } | null;
  /** This machine as it may be named. */
  readonly host: string;
  /** What an operator opens, for it. */
  readonly allow: string;
  close(): Promise<void>;
}

export type Config = Readonly<Record<string, string | number | boolean>>;
export type Credentials = Readonly<Record<string, string>>;

/** A broker that is up for all tests of the block. */
export function brokerOn<S extends BrokerStage>(open: () => Promise<S>) {
  let up: S | null = null;
  let queues = 0;
  const running = () => {
    if (!up) throw new Error('the broker is up inside tests only');
    return up;
  };
  beforeAll(async () => {
    up = await open();
  }, 300_000);
  afterAll(() => up?.close(), 60_000);
  return {
    get broker(): S {
      return running();
    },
    /** Makes one. */
    async queue(): Promise<string> {
      const name = `events-${++queues}`;
      await running().makeQueue(name);
      return name;
    },
  };
}

/** Does something with a connection, and closes it. */
export async function closing<C extends { close(): Promise<unknown> }, R>(
  opened: C | Promise<C>,
  act: (connection: C) => Promise<R>,
): Promise<R> {
  const connection = await opened;
  try {
    return await act(connection);
  } finally {
    await connection.close();
  }
}

/** What is the same for each server on this machine. */
export function here(server: OwnServer) {
  return { server, host: '127.0.0.1', allow: '127.0.0.0/8', close: () => server.stop() };
}

/** Users of a server that asks for a name and a password, as a config has them. */
export function namedUsers(
  server: { removeUser(user: Credentials): Promise<void> },
  create: () => Promise<Credentials>,
) {
  return {
    as: (credentials: Credentials) => credentials,
    wrongPassword: { password: 'wrong-password' },
    users: {
      async create() {
        const { user = '', password = '' } = await create();
        return { username: user, password };
      },
      remove: ({ username = '' }: Credentials) => server.removeUser({ user: username }),
    },
  };
}
