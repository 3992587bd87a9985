import type { Pool } from 'pg';
import { consume } from '../consume.ts';
import { QueueError } from '../error.ts';
import { healthOf } from '../health.ts';
import type { ConsumeOptions, Handler, Health, IncomingMessage, OutgoingMessage, QueuePort, Traits } from '../port.ts';

export interface PostgresQueueConfig {
  /** postgres://user:password@host:5432/database */
  readonly url: string;
  readonly queue: string;
  /** A message that is neither acked nor nacked comes again after so long; 60 unless told. */
  readonly leaseSeconds?: number;
}

const TRAITS: Traits = { delays: true, dedupes: true, tellsRedelivery: true, maxBytes: 16 * 1024 * 1024 };
const DEFAULT_LEASE_SECONDS = 60;
/** Dedupe ids are remembered for so long. */
const DEDUPE_HOURS = 24;
/** Between two looks, while nothing is there. A notification would be sooner, and a connection held for each receiver. */
const POLL_MS = 100;

// Made by whoever comes first; an advisory lock, because "if not exists" can still collide. Looked for before: an index
// that is there already would still be locked against writers to find that out, and two of them deadlock.
const LAST_MADE = `select to_regclass('queue_dedupe_age') is not null as is_there`;
const SCHEMA = `
  select pg_advisory_lock(7243392130);
  create table if not exists queue_message (
    id bigserial primary key,
    queue text not null,
    group_key text,
    headers jsonb not null,
    body bytea not null,
    -- When it may be received: after a delay, or when the lease of whoever has it in hand ends.
    available_at timestamptz not null,
    delivery_count integer not null default 0
  );
  create index if not exists queue_message_next on queue_message (queue, available_at, id);
  create index if not exists queue_message_group on queue_message (queue, group_key, id) where group_key is not null;
  create table if not exists queue_dedupe (
    queue text not null,
    id text not null,
    created_at timestamptz not null default now(),
    primary key (queue, id)
  );
  create index if not exists queue_dedupe_age on queue_dedupe (created_at);
  select pg_advisory_unlock(7243392130);`;

// A message whose dedupe id is taken is left out. The ids of a queue go in in one order, so that two publishers wait for
// each other and never deadlock.
const PUBLISH = `
  with given as (
    select * from unnest($2::text[], $3::text[], $4::bytea[], $5::text[], $6::float8[]) with ordinality
      as g(group_key, headers, body, dedupe_id, delay_ms, n)
  ), old as (
    delete from queue_dedupe where (queue, id) in (
      select queue, id from queue_dedupe where created_at < now() - interval '${DEDUPE_HOURS} hours' limit 100)
  ), fresh as (
    insert into queue_dedupe (queue, id)
    select distinct $1, dedupe_id from given where dedupe_id is not null order by dedupe_id
    on conflict do nothing returning id
  )
  insert into queue_message (queue, group_key, headers, body, available_at)
  select $1, group_key, headers::jsonb, body, now() + delay_ms * interval '1 millisecond' from given
  where dedupe_id is null
    or (dedupe_id in (select id from fresh) and n = (select min(n) from given same where same.dedupe_id = given.dedupe_id))
  order by n`;

// Of a group only its oldest message, and that only while nobody has it in hand: then it is not available.
const RECEIVE = `
  update queue_message set available_at = clock_timestamp() + $3 * interval '1 second', delivery_count = delivery_count + 1
  where id in (
    select id from queue_message m
    where queue = $1 and available_at <= clock_timestamp()
      and (group_key is null
        or not exists (select from queue_message o where o.queue = $1 and o.group_key = m.group_key and o.id < m.id))
    order by available_at, id limit $2 for update skip locked)
  returning id, group_key, headers, body, delivery_count`;

// Where the count has moved on, the lease ended and somebody else has it now.
const ACK = `
  delete from queue_message m using unnest($1::bigint[], $2::integer[]) as mine(id, delivery_count)
  where m.id = mine.id and m.delivery_count = mine.delivery_count`;
const NACK = `
  update queue_message m set available_at = clock_timestamp() + $3 * interval '1 millisecond'
  from unnest($1::bigint[], $2::integer[]) as mine(id, delivery_count)
  where m.id = mine.id and m.delivery_count = mine.delivery_count`;

interface Row {
  readonly id: string;
  readonly group_key: string | null;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
  readonly delivery_count: number;
}

/** A queue in a table of PostgreSQL (14 or later): durable, ordered by group, and nothing else to run. */
export class PostgresQueue implements QueuePort {
  readonly traits = TRAITS;
  readonly #config: PostgresQueueConfig;
  #pool: Promise<Pool> | null = null;
  #isClosed = false;
  readonly #inHand = new Map<string, IncomingMessage>();
  #ready: Promise<void> | null = null;

  constructor(config: PostgresQueueConfig) {
    if (!/^postgres(ql)?:\/\//.test(config.url)) {
      throw new QueueError('misconfigured', 'url: postgres://user:password@host:5432/database');
    }
    this.#config = config;
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    const bodies = messages.map(({ body }) => Buffer.from(body));
    const largest = Math.max(0, ...bodies.map((body) => body.length));
    if (largest > TRAITS.maxBytes) {
      throw new QueueError('too_large', `a message has ${largest} bytes; the limit is ${TRAITS.maxBytes}`);
    }
    await this.#run(PUBLISH, [
      this.#config.queue,
      messages.map(({ group }) => group ?? null),
      messages.map(({ headers }) => JSON.stringify(headers ?? {})),
      bodies,
      messages.map(({ dedupeId }) => dedupeId ?? null),
      messages.map(({ delayMs }) => delayMs ?? 0),
    ]);
  }

  async receive({ max, waitMs }: { max: number; waitMs: number }): Promise<IncomingMessage[]> {
    const until = performance.now() + waitMs;
    for (;;) {
      const { queue, leaseSeconds = DEFAULT_LEASE_SECONDS } = this.#config;
      const rows = await this.#run<Row>(RECEIVE, [queue, max, leaseSeconds]);
      const left = until - performance.now();
      if (rows.length > 0) return this.#taken(rows);
      if (left <= 0) return [];
      await new Promise((resolve) => setTimeout(resolve, Math.min(POLL_MS, left)));
    }
  }

  async ack(messages: readonly IncomingMessage[]): Promise<void> {
    await this.#run(ACK, [messages.map(({ id }) => id), messages.map(({ deliveryCount }) => deliveryCount)]);
    for (const { id } of messages) this.#inHand.delete(id);
  }

  async nack(messages: readonly IncomingMessage[], { delayMs = 0 } = {}): Promise<void> {
    await this.#run(NACK, [messages.map(({ id }) => id), messages.map(({ deliveryCount }) => deliveryCount), delayMs]);
    for (const { id } of messages) this.#inHand.delete(id);
  }

  consume(handler: Handler, options?: ConsumeOptions) {
    return consume(this, handler, options);
  }

  health(): Promise<Health> {
    return healthOf(this.#run('select 1', []), 'PostgreSQL');
  }

  async close(): Promise<void> {
    // What cannot be given back now comes again when its lease ends.
    if (this.#inHand.size > 0) await this.nack([...this.#inHand.values()]).catch(() => {});
    this.#isClosed = true;
    await (await this.#pool)?.end();
  }

  #taken(rows: readonly Row[]): IncomingMessage[] {
    const messages = rows.map(({ id, group_key, headers, body, delivery_count }) => {
      const message = { id, group: group_key, headers, body, deliveryCount: delivery_count };
      this.#inHand.set(id, message);
      return message;
    });
    // An update returns its rows in any order.
    return messages.sort((a, b) => Number(BigInt(a.id) - BigInt(b.id)));
  }

  async #run<R extends object>(text: string, values: unknown[]): Promise<R[]> {
    try {
      await this.#prepare();
      return (await (await this.#connections()).query<R>(text, values)).rows;
    } catch (error) {
      throw queueError(error);
    }
  }

  /** Once per process; again after it failed. */
  #prepare(): Promise<void> {
    this.#ready ??= this.#makeTables().catch((error: unknown) => {
      this.#ready = null;
      throw error;
    });
    return this.#ready;
  }

  async #makeTables(): Promise<void> {
    const pool = await this.#connections();
    const { rows } = await pool.query<{ is_there: boolean }>(LAST_MADE);
    if (!rows[0]?.is_there) await pool.query(SCHEMA);
  }

  /** The client is loaded by the first call. */
  #connections(): Promise<Pool> {
    if (this.#isClosed) return Promise.reject(new QueueError('unreachable', 'the queue is closed'));
    this.#pool ??= import('pg').then(({ default: { Pool } }) => {
      const pool = new Pool({
        connectionString: this.#config.url,
        max: 4,
        connectionTimeoutMillis: 5_000,
        query_timeout: 30_000,
        keepAlive: true,
      });
      // A connection that breaks while idle is replaced; unheard, it would end the process.
      pool.on('error', () => {});
      return pool;
    });
    return this.#pool;
  }
}

function queueError(error: unknown): QueueError {
  if (error instanceof QueueError) return error;
  const code = isOfServer(error) ? error.code : '';
  const message = error instanceof Error ? error.message : String(error);
  if (/^(28|42501)/.test(code)) return new QueueError('unauthorized', message, { cause: error });
  if (code === '3D000') return new QueueError('no_such_queue', message, { cause: error });
  // What the server says of a statement is final; all else is a connection that could not be had, or broke.
  const isFinal = code !== '' && !/^(08|40|53|57|58)/.test(code);
  return new QueueError(isFinal ? 'rejected' : 'unreachable', message, { cause: error });
}

/** What the server said of a statement; a connection that broke has a code as well, and no severity. */
function isOfServer(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'severity' in error && 'code' in error && typeof error.code === 'string';
}
