import { isIP, type Socket } from 'node:net';
import { type SecureContext, connect as startTls, type TLSSocket } from 'node:tls';
import { checkAddress } from './address-policy.ts';
import { type Dial, dialFirst } from './dial.ts';
import { EgressError } from './error-code.ts';
import type { EgressPolicy } from './policy.ts';
import type { Resolve, ResolvedAddress } from './resolve.ts';
import { unlessAborted } from './unless-aborted.ts';

export interface ConnectorOptions {
  readonly policy: () => EgressPolicy;
  /** Must give up when told: `sharedResolve` does. */
  readonly resolve: Resolve;
  readonly dial: Dial;
  readonly secureContext: () => SecureContext;
  readonly connectTimeoutMs: number;
}

export interface Target {
  readonly protocol: 'http:' | 'https:';
  /** Without brackets or root dot. */
  readonly host: string;
  readonly port: number;
}

export type ConnectStep = 'dns' | 'connect' | 'tls';

/** How far one opening of a connection has come: whoever waits for it reads it, at its own deadline too. */
export interface ConnectProgress {
  step: ConnectStep;
  readonly durations: Record<ConnectStep, number | null>;
}

/**
 * Opens a connection to `target`, and dials nothing but checked addresses: name looked up once → all of its addresses
 * checked, one bad one refusing them all (a name that is half inside is an attack or a mistake) → those very addresses
 * dialled → the connected peer checked once more → TLS for the name as given. Rejects with an `EgressError` or with the
 * socket's own error; `progress.step` then says where. Aborting `given` gives up.
 */
export async function openConnection(
  options: ConnectorOptions,
  target: Target,
  progress: ConnectProgress,
  given: AbortController,
): Promise<Socket> {
  // Besides the caller's deadline of up to 60 s: a peer that swallows SYNs is given up sooner.
  const timer = setTimeout(() => given.abort(stepTimeout(progress.step)), options.connectTimeoutMs);
  try {
    return await openChecked(options, target, progress, given.signal);
  } finally {
    clearTimeout(timer);
  }
}

async function openChecked(
  options: ConnectorOptions,
  target: Target,
  progress: ConnectProgress,
  signal: AbortSignal,
): Promise<Socket> {
  const { protocol, host, port } = target;
  const policy = options.policy();
  const family = isIP(host);
  const addresses =
    family === 0 ? await timed(progress, 'dns', () => options.resolve(host, signal)) : [{ address: host, family }];
  checkAll(policy, addresses, target);

  const socket = await timed(progress, 'connect', () => dialFirst(options.dial, addresses, port, signal));
  try {
    signal.throwIfAborted();
    checkPeer(policy, socket, target);
    if (protocol === 'http:') return socket;
    return await timed(progress, 'tls', () => unlessAborted(secure(options.secureContext(), socket, host), signal));
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function checkAll(policy: EgressPolicy, addresses: readonly ResolvedAddress[], { host, port }: Target): void {
  if (addresses.length === 0) throw new EgressError('dns_failed', `${host} has no address`);
  for (const { address } of addresses) {
    const verdict = checkAddress(policy, address, port, host);
    if (!verdict.ok) throw new EgressError('egress_blocked', verdict.reason);
  }
}

function checkPeer(policy: EgressPolicy, socket: Socket, { host, port }: Target): void {
  const peer = socket.remoteAddress;
  // A peer that has already hung up has no address any more.
  if (peer === undefined) throw new EgressError('connection_reset', 'closed as soon as it was connected');
  const verdict = checkAddress(policy, peer, port, host);
  if (!verdict.ok) throw new EgressError('egress_blocked', verdict.reason);
}

function secure(secureContext: SecureContext, socket: Socket, host: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const tls = startTls({
      socket,
      secureContext,
      // `host` is what the certificate is matched against; SNI takes names only (RFC 6066), so a literal sends none.
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ALPNProtocols: ['http/1.1'],
      minVersion: 'TLSv1.2',
      // Said out loud, or NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would decide.
      rejectUnauthorized: true,
    });
    tls.once('secureConnect', () => resolve(tls));
    tls.on('error', reject);
    tls.once('close', () => reject(new EgressError('tls_failed', 'closed during the TLS handshake')));
  });
}

export function stepTimeout(step: ConnectStep): EgressError {
  if (step === 'dns') return new EgressError('dns_timeout', 'the name server did not answer in time');
  if (step === 'tls') return new EgressError('tls_timeout', 'the TLS handshake did not end in time');
  return new EgressError('connect_timeout', 'no address answered in time');
}

async function timed<T>(progress: ConnectProgress, step: ConnectStep, work: () => Promise<T>): Promise<T> {
  progress.step = step;
  const start = performance.now();
  const result = await work();
  progress.durations[step] = performance.now() - start;
  return result;
}
