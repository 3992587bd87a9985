import { createServer } from 'node:http';
import type { Behaviour } from './behaviours/behaviour.ts';
import { behaviourTable } from './behaviours/table.ts';
import { honestHandler, KEEP_ALIVE_TIMEOUT_MS } from './honest-server.ts';
import { startHostile } from './hostile/listeners.ts';
import type { HostileName } from './hostile/table.ts';
import { createInbox } from './inbox/inbox.ts';
import { type Counts, Journal, type Wanted } from './journal.ts';
import { listen, originOf } from './listening.ts';
import type { ReceivedRequest, RecordMode } from './record.ts';
import { createRecorder } from './recorder.ts';
import { startTls, type TlsServers, type TlsUrls } from './tls/servers.ts';
import { type Signing, Trust } from './trust.ts';

export interface ReceiverOptions {
  /** 127.0.0.1 unless told: anything else shows the inbox to the network. */
  host?: string;
  /** Any free one unless told. */
  port?: number;
  /** Of the hostile part; any free one unless told. */
  hostilePort?: number;
  record?: RecordMode;
  /** How many requests are kept in the mode `full`, 1,000 unless told. Bodies together stay under 64 M characters. */
  keep?: number;
  /** By path prefix, or `*` for every other path. See `trust`. */
  secrets?: Readonly<Record<string, readonly string[]>>;
  /** Of one's own, by first path segment; they win over those of the table. */
  behaviours?: Readonly<Record<string, Behaviour>>;
  /** Called for each request before it is answered, in every mode but `none`. Count without bound here. */
  onRequest?: (request: ReceivedRequest) => void;
}

export interface Receiver {
  /** `http://127.0.0.1:<port>`, without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** The hostile URLs by name; a label may follow: `${hostile['body-drip']}/acme`. */
  readonly hostile: Readonly<Record<HostileName, string>>;
  /** Those kept, oldest first. */
  readonly received: readonly ReceivedRequest[];
  readonly counts: Readonly<Counts>;
  /**
   * Trusts one more secret (`whsec_…`) or public key (`whpk_…`) for a path and all below it, or for every path that has
   * none of its own (`*`).
   */
  trust(secret: string, path?: string, signing?: Signing): void;
  /**
   * Resolves once so many requests came in all (with those kept), or with the first that match, past ones included.
   * Rejects after the timeout (10 s unless told), or when the receiver is closed. The mode `none` has nothing to match.
   */
  waitFor(wanted: Wanted, timeoutMs?: number): Promise<readonly ReceivedRequest[]>;
  /** Starts the TLS variants on first use. `names` are added to their certificates, and count on that first use only. */
  tls(names?: readonly string[]): Promise<TlsUrls>;
  /** Cuts every connection and frees every port; nothing is left running. */
  close(): Promise<void>;
}

/** One receiver for many endpoints: what happens to a request is chosen by its path. See the README for the table. */
export async function startReceiver(options: ReceiverOptions = {}): Promise<Receiver> {
  const { host = '127.0.0.1', port = 0, hostilePort = 0, record = 'full', keep = 1000 } = options;
  const journal = new Journal(record === 'full' ? keep : 0);
  const trust = new Trust();
  for (const [path, secrets] of Object.entries(options.secrets ?? {})) {
    for (const secret of secrets) trust.add(secret, path);
  }
  const recorder = createRecorder(record, trust, journal, options.onRequest);
  const handler = honestHandler(behaviourTable(options.behaviours ?? {}), recorder, createInbox(journal, host));

  const honest = await listen(createServer({ keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS }, handler), host, port);
  const hostile = await startHostile(host, hostilePort, recorder).catch(async (error: unknown) => {
    await honest.close();
    throw error;
  });
  let tls: Promise<TlsServers> | undefined;

  return {
    url: originOf('http', host, honest.port),
    port: honest.port,
    hostile: hostile.urls,
    get received() {
      return journal.kept;
    },
    counts: journal.counts,
    trust: (secret, path, signing) => trust.add(secret, path, signing),
    waitFor: (wanted, timeoutMs = 10_000) => journal.waitFor(wanted, timeoutMs),
    async tls(names = []) {
      tls ??= startTls(host, handler, hostile.silentPort, names);
      return (await tls).urls;
    },
    async close() {
      journal.close();
      await Promise.all([honest.close(), hostile.close(), tls?.then((servers) => servers.close())]);
    },
  };
}
