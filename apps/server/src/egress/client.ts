import { CheckedUrls } from './checked-urls.ts';
import { type Dial, dialTcp } from './dial.ts';
import type { EgressErrorCode } from './error-code.ts';
import type { EgressRequest, Exchange } from './exchange.ts';
import { OriginPools } from './origin-pools.ts';
import type { EgressPolicy } from './policy.ts';
import { type Resolve, sharedResolve } from './resolve.ts';
import { Sending } from './sending.ts';
import { trust } from './trust.ts';

export interface EgressClientOptions {
  /** A function is asked at each send and each connect. */
  readonly policy: EgressPolicy | (() => EgressPolicy);
  /** Certificates (PEM) trusted besides the runtime's own. */
  readonly ca?: readonly string[];
  readonly resolve?: Resolve;
  readonly dial?: Dial;
  /** Default 128; further exchanges wait for one, on their own deadline. */
  readonly maxConnectionsPerOrigin?: number;
  /** Default 2,048, over all origins; each is a descriptor held for up to 4 s. */
  readonly maxIdleConnections?: number;
  /** Milliseconds for DNS, TCP and TLS of one connection, within the deadline. Default 10,000. */
  readonly connectTimeoutMs?: number;
}

export interface EgressClient {
  /** POSTs, and never rejects. Everything, waiting for a connection included, is over within `deadlineMs`. */
  send(request: EgressRequest): Promise<Exchange>;
  /** Refuses new exchanges (`closed`), lets those under way end, closes every socket. */
  close(): Promise<void>;
  /** For metrics: what is held open at this instant. */
  readonly size: { readonly origins: number; readonly idle: number; readonly active: number };
}

/** Proxy variables of the environment are not read: what a proxy dials, this guard would not see. */
export function createEgressClient(options: EgressClientOptions): EgressClient {
  const given = options.policy;
  const policy = typeof given === 'function' ? given : () => given;
  const pools = new OriginPools(
    {
      policy,
      resolve: sharedResolve(options.resolve),
      dial: options.dial ?? dialTcp,
      secureContext: trust(options.ca),
      connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    },
    options.maxConnectionsPerOrigin ?? 128,
    options.maxIdleConnections ?? 2_048,
  );
  const urls = new CheckedUrls();
  let active = 0;
  let closed = false;
  let drained = () => {};

  return {
    send(request) {
      if (closed) return Promise.resolve(unsent('closed', 'the client is closed'));
      if (request.signal?.aborted) return Promise.resolve(unsent('aborted', 'given up by the caller'));
      const checked = urls.check(policy(), request.url);
      if (!checked.ok) return Promise.resolve(unsent('egress_blocked', checked.reason));
      const { url } = checked;
      active++;
      return new Promise((resolve) => {
        new Sending(request, url, pools.of(url), (exchange) => {
          active--;
          resolve(exchange);
          if (active === 0) drained();
        });
      });
    },
    async close() {
      closed = true;
      if (active > 0) {
        await new Promise<void>((resolve) => {
          drained = resolve;
        });
      }
      await pools.close();
    },
    get size() {
      return { ...pools.size, active };
    },
  };
}

function unsent(code: EgressErrorCode, message: string): Exchange {
  return {
    kind: 'error',
    code,
    message,
    durationMs: 0,
    timings: { dns: null, connect: null, tls: null, first_byte: null },
  };
}
