import type { Vault } from '../../src/crypto/vault.ts';
import { Directory } from '../../src/directory/directory.ts';
import { createLog } from '../../src/log.ts';
import type { Database, Statement, Transactional } from '../../src/store/database.ts';

/** A database whose statements wait or fail as the test says, by name of statement; and what was asked of it. */
export class Gate implements Database {
  readonly kind: Database['kind'];
  readonly seen: string[] = [];
  /** Runs before or around a statement; the default lets it through. */
  pass: (name: string, run: () => Promise<unknown>) => Promise<unknown> = (_, run) => run();
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
    this.kind = db.kind;
  }

  query<Row>(statement: Statement<Row>, values: readonly unknown[]): Promise<Row[]> {
    return this.#gated(statement, () => this.#db.query(statement, values));
  }

  transaction<T>(work: Parameters<Database['transaction']>[0]): Promise<T> {
    return this.#db.transaction((tx) =>
      work({ query: async (statement, values) => this.#gated(statement, () => tx.query(statement, values)) }),
    ) as Promise<T>;
  }

  after(): Transactional {
    return this;
  }

  script(sql: string): Promise<void> {
    return this.#db.script(sql);
  }

  async close(): Promise<void> {}

  async #gated<Row>(statement: Statement<Row>, run: () => Promise<Row[]>): Promise<Row[]> {
    this.seen.push(statement.name);
    return (await this.pass(statement.name, run)) as Row[];
  }

  /** From now on nothing is answered with anything but a broken connection. */
  breakDown(): void {
    this.pass = () => Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
  }

  mend(): void {
    this.pass = (_, run) => run();
  }

  /** Holds back the answers to one statement, read before the change that the test makes. */
  holdAnswersOf(name: string): { reached: Promise<void>; release: () => void } {
    let release: () => void = () => {};
    let reach: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const reached = new Promise<void>((resolve) => {
      reach = resolve;
    });
    this.pass = async (asked, run) => {
      const rows = await run();
      if (asked === name) {
        reach();
        await released;
      }
      return rows;
    };
    return { reached, release };
  }
}

export function directoryOn(db: Database, vault: Vault): Directory {
  return new Directory({ db, vault, log: createLog('silent') });
}
