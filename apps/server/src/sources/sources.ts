import type { BrokerType } from '../core/broker/all.ts';
import type { BrokerConfig } from '../core/broker/form.ts';
import { newId, publicId, type Uuid } from '../core/ids.ts';
import { unseal } from '../crypto/vault.ts';
import type { Directory } from '../directory/directory.ts';
import type { Acceptor } from '../ingest/acceptor.ts';
import type { Log } from '../log.ts';
import { repeating, type Wakeable } from '../service.ts';
import { type Database, isTransient } from '../store/database.ts';
import {
  activeSources,
  claimSources,
  type HeldSourceRow,
  heldSources,
  keepSources,
  leaveSources,
  presentProcesses,
  releaseSource,
  type SourceNews,
} from '../store/source-hold.ts';
import { type Receivable, type Received, Receiver } from './receiver.ts';
import { Rejections } from './rejections.ts';
import { takerFor } from './taking.ts';

export interface SourcesOptions {
  readonly db: Database;
  readonly log: Log;
  readonly directory: Directory;
  readonly acceptor: Pick<Acceptor, 'accept'>;
  /** @param receiver a name of whoever receives, for the broker. */
  readonly open: (type: BrokerType, config: BrokerConfig, receiver: string) => Promise<Receivable<Received>>;
  /** What went wrong, in words that hold no secret. */
  readonly explain: (error: unknown) => string;
  readonly intervalMs?: number;
  readonly leaseMs?: number;
}

/** A change of a source is heard of within this. */
const INTERVAL_MS = 1_000;
/** A source of a process that died is free after so long. */
const LEASE_MS = 10_000;
/** A lease is renewed three times before it ends, so that one lost call does not cost the source. */
const RENEWALS = 3;
/** Each is a connection or two. */
const MAX_SOURCES = 200;
/** What does not open now will not in a minute. */
const UNREADABLE_MS = 60_000;
/** Taken in one go: opening many at once would be felt. */
const MAX_CLAIM = 20;

interface Held {
  readonly id: Uuid;
  readonly version: number;
  readonly receiver: Receiver<Received>;
  /** By performance.now(): another may have it from then on. */
  readonly ours: { until: number };
  renewAt: number;
  isEnding: boolean;
}

/**
 * Consumes sources, each in one process at a time, which keeps the order that its broker has. Every process takes its share
 * of them and holds each by a lease.
 *
 *   free ──a process with room──▶ held: received from ──paused, changed, deleted, more than a share──▶ ending ──▶ free
 *                                   │                                                                    ▲
 *                                   ├── something in the way for a minute ───────────────────────────────┘ (later)
 *                                   └── lease ended unrenewed: received from no more, another's
 *
 * A process that was frozen wakes before it knows that its lease has ended. What it takes in then is known by its key, so
 * it costs order at the most.
 */
export function createSources(options: SourcesOptions): Wakeable {
  const { db, log, intervalMs = INTERVAL_MS, leaseMs = LEASE_MS } = options;
  const self = newId();
  const held = new Map<Uuid, Held>();
  const rejections = new Rejections({ db, log });
  const endings = new Set<Promise<void>>();
  /** That consume sources. */
  let processes = 1;
  let meetAt = 0;
  let isPresent = false;

  const turn = async () => {
    dropLost();
    const sources = await activeSources(db);
    if (held.size === 0 && sources === 0) return;
    await renew();
    await hearOfChanges();
    await meetOthers();
    const share = Math.min(MAX_SOURCES, Math.ceil(sources / processes));
    const going = [...held.values()].filter(({ isEnding }) => !isEnding);
    for (const each of going.slice(share)) end(each);
    const room = Math.min(share - going.length, MAX_CLAIM);
    if (room <= 0) return;
    const askedAt = performance.now();
    for (const row of await claimSources(db, self, leaseMs, room)) {
      // One that is still ending here goes back first, and is taken anew.
      if (!held.has(row.id)) await begin(row, askedAt);
    }
  };

  const meetOthers = async () => {
    if (performance.now() < meetAt) return;
    processes = await presentProcesses(db, self, leaseMs);
    meetAt = performance.now() + leaseMs / RENEWALS;
    isPresent = true;
  };

  /** Those whose lease ended: another may have them. */
  const dropLost = () => {
    for (const each of held.values()) if (performance.now() >= each.ours.until) end(each);
  };

  const renew = async () => {
    const askedAt = performance.now();
    const news = [...held.values()].flatMap((each) => {
      const own = { id: each.id, ...each.receiver.news() };
      const isNews = own.received > 0 || own.lastReceivedAt !== null || own.error !== undefined;
      return isNews || askedAt >= each.renewAt ? [{ each, own }] : [];
    });
    if (news.length === 0) return;
    try {
      const { kept, refused } = await keep(news.map(({ own }) => own));
      for (const { each, own } of news) {
        // Its lease ends by itself.
        if (refused.has(own)) each.receiver.untold(own);
        else if (!kept.has(each.id)) each.ours.until = 0;
        else {
          each.ours.until = askedAt + leaseMs;
          each.renewAt = askedAt + leaseMs / RENEWALS;
        }
      }
    } catch (error) {
      for (const { each, own } of news) each.receiver.untold(own);
      throw error;
    }
  };

  /** In one go; each by itself where the database refuses that, so that what it will not have stops no others. */
  const keep = async (news: readonly SourceNews[]) => {
    const refused = new Set<SourceNews>();
    try {
      return { kept: await keepSources(db, self, leaseMs, news), refused };
    } catch (error) {
      if (isTransient(error)) throw error;
    }
    const kept = new Set<Uuid>();
    for (const each of news) {
      try {
        for (const id of await keepSources(db, self, leaseMs, [each])) kept.add(id);
      } catch (error) {
        log.error({ err: error, source_id: publicId('src', each.id) }, 'a source cannot be renewed');
        refused.add(each);
      }
    }
    return { kept, refused };
  };

  const hearOfChanges = async () => {
    for (const each of held.values()) if (each.receiver.endedFor !== null) end(each);
    const going = [...held.values()].filter(({ isEnding }) => !isEnding);
    if (going.length === 0) return;
    const rows = await heldSources(
      db,
      self,
      going.map(({ id }) => id),
    );
    const states = new Map(rows.map((row) => [row.id, row]));
    for (const each of going) {
      const state = states.get(each.id);
      if (!state?.is_active || state.version !== each.version) end(each);
    }
  };

  const begin = async (row: HeldSourceRow, askedAt: number) => {
    const ours = { until: askedAt + leaseMs };
    try {
      const dataKey = await options.directory.dataKey(row.environment_id);
      const config = JSON.parse(unseal(dataKey, row.id, 'source_config', row.config));
      const name = `postrider-${publicId('src', row.id)}`;
      const queue = await options.open(row.type, config, name);
      const source = {
        ...{ id: row.id, environmentId: row.environment_id, applicationId: row.application_id },
        eventType: row.event_type,
      };
      const entry: Held = {
        ...{ id: row.id, version: row.version, ours, renewAt: askedAt + leaseMs / RENEWALS, isEnding: false },
        receiver: new Receiver({
          queue,
          take: takerFor(source, { ...options, rejections }),
          isOurs: () => performance.now() < ours.until,
          explain: options.explain,
        }),
      };
      held.set(row.id, entry);
    } catch (error) {
      // Not the error of a parser, which quotes what it could not read.
      const text = error instanceof SyntaxError ? 'unreadable' : options.explain(error);
      log.error({ source_id: publicId('src', row.id), reason: text }, 'a source cannot be opened');
      const news = { id: row.id, received: 0, lastReceivedAt: null, error: `misconfigured: ${text}` };
      await releaseSource(db, self, news, UNREADABLE_MS);
    }
  };

  /** Goes on beside the turns: its lease is renewed meanwhile. */
  const end = (each: Held) => {
    if (each.isEnding) return;
    each.isEnding = true;
    const ending = each.receiver
      .stop()
      .then(() => releaseSource(db, self, { id: each.id, ...each.receiver.news() }, each.receiver.endedFor ?? 0))
      // Where the database is away, the lease ends by itself.
      .catch((error: unknown) => log.warn({ err: error }, 'a source was not handed back'))
      .finally(() => {
        held.delete(each.id);
        endings.delete(ending);
        turns.wake();
      });
    endings.add(ending);
  };

  const turns = repeating(intervalMs, turn, (error) =>
    log.warn({ err: error }, 'sources cannot be looked after; trying again'),
  );
  return {
    start: () => turns.start(),
    wake: () => turns.wake(),
    async stop() {
      await turns.stop();
      for (const each of held.values()) end(each);
      await Promise.all(endings);
      if (isPresent) await leaveSources(db, self).catch(() => {});
    },
  };
}
