import pg from 'pg';
import { openEmbedded } from './embedded/open.ts';

/** One SQL statement with a name, so that the server parses and plans it once per connection. */
export interface Statement<Row> {
  readonly name: string;
  readonly text: string;
  /** Never set: carries the row's type to `query`. */
  readonly row?: Row;
}

/** Whatever runs statements: the pool, or one transaction of it. */
export interface Queryable {
  /** Resolves to the rows. Rejects with `DatabaseError` (SQL) or a connection error. */
  query<Row>(statement: Statement<Row>, values: readonly unknown[]): Promise<Row[]>;
}

export interface Transactional extends Queryable {
  /** Runs `work` in one transaction: committed when it resolves, rolled back when it rejects. */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
}

export interface Database extends Transactional {
  readonly kind: 'embedded' | 'postgresql';
  /** The same database, where all that runs is in a transaction that begins with this prologue. */
  after(prologue: Prologue): Transactional;
  /** Several statements without parameters, as in a migration file. */
  script(sql: string): Promise<void>;
  close(): Promise<void>;
}

export type DatabaseTarget =
  | { readonly kind: 'postgresql'; readonly url: string; readonly poolSize: number }
  | { readonly kind: 'embedded'; readonly folder: string };

/** What a transaction begins with. */
export interface Prologue {
  /** Statements without parameters. */
  readonly sql: string;
  /**
   * Goes before the names of statements, so that a plan belongs to one role: row-level security is part of it, and where
   * two roles take turns with a plan it is made anew each time.
   */
  readonly label: string;
}

/** Names a statement. Names are unique across the store: a name with two texts would run the wrong one. */
export function statement<Row>(name: string, text: string): Statement<Row> {
  return { name, text };
}

/**
 * Every statement here is meant to go by an index, and a plan is kept for the life of a connection. Made while a table
 * is still empty, the planner would pick a scan, a hash join or a sort of everything that matches and stay with it
 * (embedded, nothing analyzes tables behind our back), so those are priced out and the plan is made once. Between two
 * indexes the one that finds the rows is to win over the one that has them in the order of their pages: what is read
 * here is new, and in memory.
 *
 * Where there is no other way, as with the one row of change_counter, the price that is added makes the plan look worth
 * compiling: 52 ms of JIT for a statement of 1 ms. So that is off too.
 */
const SESSION = [
  "set timezone = 'UTC'",
  'set plan_cache_mode = force_generic_plan',
  'set enable_seqscan = off',
  'set enable_hashjoin = off',
  'set enable_mergejoin = off',
  'set enable_sort = off',
  'set enable_incremental_sort = off',
  'set enable_bitmapscan = off',
  'set enable_material = off',
  'set random_page_cost = 1.1',
  'set jit = off',
  // 202 means durable, whatever the server's own default.
  'set synchronous_commit = on',
  "set statement_timeout = '30s'",
  // Locks of a process that froze, or that the network lost, in the middle of a transaction: less than what a call waits
  // for another's key (5 s), and far more than lies between two of our statements.
  "set idle_in_transaction_session_timeout = '4s'",
].join('; ');

/** bigint columns here are counters far below 2^53. */
const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    return oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format as 'text');
  },
} as pg.CustomTypesConfig;

export async function openDatabase(target: DatabaseTarget, onError: (error: Error) => void): Promise<Database> {
  if (target.kind === 'embedded') {
    const { stream, close } = await openEmbedded(target.folder, onError);
    // One session, kept: the embedded engine has a single backend.
    const config = { stream, user: 'postgres', database: 'postgres', max: 1, idleTimeoutMillis: 0 };
    return openPool('embedded', config, close, onError);
  }
  const config = {
    connectionString: target.url,
    max: target.poolSize,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    application_name: 'postrider',
  };
  return openPool('postgresql', config, async () => {}, onError);
}

/** The database behind a `pg` pool. @param release called once the pool is closed. */
export function openPool(
  kind: Database['kind'],
  config: pg.PoolConfig,
  release: () => Promise<void>,
  onError: (error: Error) => void,
): Database {
  const onConnect = async (client: pg.ClientBase) => {
    await client.query(SESSION);
  };
  // What is asked before the last answer has come is sent at once (`oneRoundTrip`); nobody else does that.
  const pool = new pg.Pool({ ...config, types, onConnect, pipeline: true });
  // An idle connection that breaks is replaced by the pool; unhandled, the event would end the process.
  pool.on('error', onError);
  return new PooledDatabase(kind, pool, release);
}

class PooledDatabase implements Database {
  readonly kind: Database['kind'];
  readonly #pool: pg.Pool;
  readonly #release: () => Promise<void>;

  constructor(kind: Database['kind'], pool: pg.Pool, release: () => Promise<void>) {
    this.kind = kind;
    this.#pool = pool;
    this.#release = release;
  }

  query<Row>(statement: Statement<Row>, values: readonly unknown[]): Promise<Row[]> {
    return this.#borrow((client) => run<Row>(client, statement, values));
  }

  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.#transaction('begin', '', work);
  }

  after({ sql, label }: Prologue): Transactional {
    const begin = `begin; ${sql}`;
    return {
      query: (statement, values) =>
        this.#borrow((client) => oneRoundTrip(client, begin, labelled(label, statement), values)),
      transaction: (work) => this.#transaction(begin, label, work),
    };
  }

  #transaction<T>(begin: string, label: string, work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.#borrow(async (client, spoil) => {
      try {
        await client.query(begin);
        const result = await work({
          query: (statement, values) => run(client, label ? labelled(label, statement) : statement, values),
        });
        await client.query('commit');
        return result;
      } catch (error) {
        // A connection that could not even roll back is not given to the next caller.
        await client.query('rollback').catch(spoil);
        throw error;
      }
    });
  }

  async script(sql: string): Promise<void> {
    await this.#borrow((client) => client.query(sql));
  }

  /**
   * Lends a connection, which is thrown away only where it broke. `pool.query` would throw it away whenever the database
   * says no to a statement, and with it every plan that it holds.
   */
  async #borrow<T>(work: (client: pg.PoolClient, spoil: (error: Error) => void) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    let broken: Error | undefined;
    const spoil = (error: Error) => {
      broken = error;
    };
    // The pool does not listen to a connection that is in our hands: unheard, its breaking would end the process.
    client.on('error', spoil);
    try {
      return await work(client, spoil);
    } catch (error) {
      if (error instanceof Error && isConnectionError(error)) spoil(error);
      throw error;
    } finally {
      client.release(broken);
      client.off('error', spoil);
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
    await this.#release();
  }
}

async function run<Row>(client: pg.PoolClient, statement: Statement<Row>, values: readonly unknown[]): Promise<Row[]> {
  // An unnamed statement is parsed anew each time: right for lists, whose filters differ from call to call.
  const name = statement.name === '' ? {} : { name: statement.name };
  const result = await client.query({ ...name, text: statement.text, values: values as unknown[] });
  return result.rows as Row[];
}

/**
 * A transaction of one statement, sent whole: it costs the server's work and no wait. Where its beginning fails, the
 * server runs nothing of what follows.
 */
async function oneRoundTrip<Row>(
  client: pg.PoolClient,
  begin: string,
  statement: Statement<Row>,
  values: readonly unknown[],
): Promise<Row[]> {
  const { stream } = client.connection;
  stream.cork();
  const steps = [client.query(begin), run(client, statement, values), client.query('commit')] as const;
  stream.uncork();
  // All three are answered before the connection is anybody else's. The first that failed says why.
  const [begun, rows, committed] = await Promise.allSettled(steps);
  for (const step of [begun, rows, committed]) if (step.status === 'rejected') throw step.reason;
  return rows.status === 'fulfilled' ? rows.value : [];
}

function labelled<Row>(label: string, { name, text }: Statement<Row>): Statement<Row> {
  return { name: name === '' ? '' : label + name, text };
}

/** True where the database said no to the statement itself, with this SQLSTATE. */
export function hasSqlState(error: unknown, code: string): boolean {
  return error instanceof pg.DatabaseError && error.code === code;
}

/** SQLSTATE of a row that is already there. */
export const UNIQUE_VIOLATION = '23505';
/** SQLSTATE of a table that is not there. */
export const UNDEFINED_TABLE = '42P01';
/** SQLSTATE of a wait for a lock that took longer than `lock_timeout`. */
export const LOCK_NOT_AVAILABLE = '55P03';

/**
 * True where the statement may well work on a later try: the connection broke, the server is starting or stopping, or
 * it is out of something (SQLSTATE classes 08, 53, 57, 58; 40 is a deadlock or serialization failure), a lock was not to be
 * had, or the transaction was idle for too long. Anything else the server said about the statement is final.
 */
export function isTransient(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return /^(08|40|53|57|58|55P03|25P03)/.test(error.code ?? '');
  return isConnectionError(error);
}

/**
 * True where the database did not answer. `pg` has no class for these: a failed dial carries the system's code, and a
 * broken or exhausted pool a plain Error with one of these messages.
 */
export function isConnectionError(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return /^(08|57P)/.test(error.code ?? '');
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  if (code && /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_|EHOST|ENET|ENOENT)/.test(code)) return true;
  return /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|Client was closed|Cannot use a pool after|the embedded database is gone|Client is not queryable)/.test(
    error.message,
  );
}
