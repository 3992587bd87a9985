import { type Receiver, startReceiver } from '@postrider/receiver';
import { afterAll, beforeAll } from 'vitest';
import type { Substitutes } from '../../src/postrider.ts';
import type { Api } from './api.ts';
import { createTestDatabase, type DatabaseKind, type TestDatabase } from './database.ts';
import { startTestPostrider, type TestPostrider } from './postrider.ts';

/** What most tests need: a Postrider on a database of its own, and a receiver. Up for all tests of the block. */
export interface Stage {
  readonly database: TestDatabase;
  readonly postrider: TestPostrider;
  readonly receiver: Receiver;
  /** Calls with the admin key of the environment Test. */
  readonly api: Api;
  /** Stops Postrider and starts another one on the same database, with these settings besides. */
  restart(env?: Record<string, string>): Promise<void>;
  /** The same, and between the two does something with the database that nobody has open then. */
  restartAfter(between: (database: TestDatabase) => Promise<void>): Promise<void>;
}

/** No test asks a name server: a name resolves where a test says to what. */
const offline: Substitutes = {
  resolve: async (name) => {
    throw new Error(`${name}: tests look nothing up`);
  },
};

/** @param options its settings are asked for when it starts. */
export function stageOn(
  kind: DatabaseKind,
  options: { env?: Record<string, string> | (() => Record<string, string>); substitutes?: Substitutes } = {},
): Stage {
  let up: { database: TestDatabase; postrider: TestPostrider; receiver: Receiver } | null = null;
  const start = (database: TestDatabase, env: Record<string, string> = {}) =>
    startTestPostrider(database, {
      env: { ...(typeof options.env === 'function' ? options.env() : options.env), ...env },
      substitutes: { ...offline, ...options.substitutes },
    });
  const restart = async (between: (database: TestDatabase) => Promise<void>, env: Record<string, string>) => {
    const { database, postrider, receiver } = running();
    await postrider.stop();
    await between(database);
    up = { database, receiver, postrider: await start(database, env) };
  };
  const running = () => {
    if (!up) throw new Error('the stage is up inside tests only');
    return up;
  };
  beforeAll(async () => {
    const database = await createTestDatabase(kind);
    const postrider = await start(database);
    up = { database, postrider, receiver: await startReceiver() };
  });
  afterAll(async () => {
    const { database, postrider, receiver } = running();
    await postrider.stop();
    await receiver.close();
    await database.drop();
  });
  return {
    get database() {
      return running().database;
    },
    get postrider() {
      return running().postrider;
    },
    get receiver() {
      return running().receiver;
    },
    get api() {
      return running().postrider.api;
    },
    restart: (env = {}) => restart(async () => {}, env),
    restartAfter: (between) => restart(between, {}),
  };
}
