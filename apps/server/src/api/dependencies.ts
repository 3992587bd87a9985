import type { PortalSessions } from '../auth/portal-sessions.ts';
import type { BrokerFailure } from '../brokers/failure.ts';
import type { Purpose } from '../brokers/open.ts';
import type { BrokerType } from '../core/broker/all.ts';
import type { BrokerConfig } from '../core/broker/form.ts';
import type { Uuid } from '../core/ids.ts';
import type { Directory } from '../directory/directory.ts';
import type { CheckedUrl } from '../egress/url-policy.ts';
import type { Acceptor } from '../ingest/acceptor.ts';
import type { Log } from '../log.ts';
import type { Tenant } from '../store/tenant.ts';

/** What routes may use. Handed in by the composition root. */
export interface ApiDependencies {
  /** The database as one environment sees it (store/tenant.ts): all that routes read and write goes through it. */
  readonly tenant: (environmentId: Uuid) => Tenant;
  readonly directory: Directory;
  readonly acceptor: Acceptor;
  readonly log: Log;
  /** The URL policy of egress/, with this process's settings. */
  readonly checkUrl: (url: string) => CheckedUrl;
  /** Whether a broker lets us publish, or receive; what stands against it, or null. Takes up to 10 s. */
  readonly checkBroker: (type: BrokerType, config: BrokerConfig, purpose?: Purpose) => Promise<BrokerFailure | null>;
  /** Links into the portal become sessions here. */
  readonly portal: Pick<PortalSessions, 'open'>;
  /** What links begin with: `https://hooks.example.com`. */
  readonly publicUrl: () => string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Tells the worker that something is due now. */
  readonly wakeWorker: () => void;
  /** Tells whoever consumes sources that one is there, or is another now. */
  readonly wakeSources: () => void;
  /** Tells maintenance that there is a new job. */
  readonly wakeJobs: () => void;
  /** Resolves when the database answers. */
  readonly probe: () => Promise<void>;
}

/** Null where a whole environment is meant. */
export type ApplicationScope = Uuid | null;
