import { AsyncLocalStorage } from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';
import { isIP, type LookupFunction, Socket } from 'node:net';
import tls from 'node:tls';
import { checkAddress } from './address-policy.ts';
import { contain, type Inspect, isContained } from './contained-socket.ts';
import { EgressError } from './error-code.ts';
import { bareHost, isExemptHost } from './exemptions.ts';
import { checkHost } from './host-policy.ts';
import { ALLOWED, type EgressPolicy, refused, type Verdict } from './policy.ts';
import { type Resolve, type ResolvedAddress, sharedResolve } from './resolve.ts';

/**
 * Holds sockets to the address policy that are opened by other people's clients: those of brokers, which dial by
 * themselves, again when a connection broke, and what addresses servers tell them of. So it is not asked of each client to
 * look names up in some way; every socket that is connected within `run`, or by whatever that set going, is held here.
 *
 * - Names are looked up by us, refused if any address is bad, and no others dialled; literals are checked as they are; the
 *   connected peer is checked once more. Sockets of files are refused.
 * - Any port may be dialled, as brokers have theirs; but what a CIDR of POSTRIDER_EGRESS_ALLOW opens, it opens at the
 *   ports of webhooks only. An operator who let them into a network did not mean its Redis: that is said as `host:port`.
 * - What their listeners throw destroys them and not the process, and a client sees nothing that `inspect` refuses.
 * - A connection that is there is not checked again: a client that is used in here is not to be shared with the outside.
 */
export class SocketGuard {
  readonly #policy: EgressPolicy;
  readonly #resolve: Resolve;
  readonly #hosts: readonly (readonly [host: string, port: number])[];
  readonly #inspect: (() => Inspect) | null;
  readonly #sockets = new Set<Socket>();
  #isOver = false;
  #refusal: EgressError | null = null;

  /**
   * @param options.hosts that the settings name, as `host:port`: some clients look names up themselves, and an exemption
   * for a name is for what it resolves to.
   * @param options.inspect makes one that looks at all that comes, for each connection.
   */
  constructor(options: SocketGuardOptions) {
    this.#policy = options.policy;
    this.#inspect = options.inspect ?? null;
    this.#resolve = sharedResolve(options.resolve);
    this.#hosts = (options.hosts ?? []).map((each) => {
      const at = each.lastIndexOf(':');
      return [bareHost(each.slice(0, at).toLowerCase()), Number(each.slice(at + 1))];
    });
    wrapConnect();
  }

  /** Lets go of all sockets, and of those that may still come to be: whoever had them waits for nothing any more. */
  destroySockets(): void {
    this.#isOver = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  run<R>(work: () => R): R {
    return guards.run(this, work);
  }

  /**
   * The hosts that the settings name, before any is looked up.
   *
   * @throws EgressError `egress_blocked`
   */
  checkHosts(): void {
    for (const [host, port] of this.#hosts) {
      const verdict = checkHost(this.#policyAt(port), host, port);
      if (!verdict.ok) throw this.#refuse(verdict.reason);
    }
  }

  /** What was refused since a connection last came to be: clients do not all pass on why they have none. */
  get refusal(): EgressError | null {
    return this.#refusal;
  }

  /** What to connect with instead. */
  hold(socket: Socket, options: ConnectOptions): ConnectOptions {
    this.#contain(socket, this.#inspect?.() ?? null);
    if (options.path) return this.#refusing(options, refused('unix_socket'));
    const host = bareHost(String(options.host || 'localhost').toLowerCase());
    const port = Number(options.port);
    const verdict = checkHost(this.#policyAt(port), host, port);
    this.#checkPeerOf(socket, host, port);
    if (isIP(host) === 0) {
      return verdict.ok ? { ...options, host, lookup: this.#lookup(host, port) } : this.#refusing(options, verdict);
    }
    if (verdict.ok) return { ...options, host };
    // Perhaps the address of a name that is exempt, looked up by a client.
    const names = this.#exemptHostsAt(port);
    return names.length > 0
      ? { ...options, host: INSTEAD, lookup: this.#lookupAmong(names, host, verdict) }
      : this.#refusing(options, verdict);
  }

  /** One that speaks TLS on a socket that is held already. */
  holdTls(socket: Socket): void {
    if (!isContained(socket)) this.#contain(socket, this.#inspect?.() ?? null);
  }

  #contain(socket: Socket, inspect: Inspect | null): void {
    if (this.#isOver) process.nextTick(() => socket.destroy());
    this.#sockets.add(socket);
    contain(socket, inspect, () => this.#sockets.delete(socket));
  }

  #lookup(host: string, port: number): LookupFunction {
    return asLookup(async (family) => {
      const addresses = await this.#resolve(host);
      if (addresses.length === 0) throw new EgressError('dns_failed', `${host} has no address`);
      for (const { address } of addresses) {
        const verdict = checkAddress(this.#policyAt(port), address, port, host);
        if (!verdict.ok) throw this.#refuse(verdict.reason);
      }
      return family === 0 ? addresses : addresses.filter((each) => each.family === family);
    });
  }

  #lookupAmong(names: readonly string[], address: string, verdict: Verdict): LookupFunction {
    return asLookup(async () => {
      const found = await Promise.allSettled(names.map((name) => this.#resolve(name)));
      const known = found.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
      if (known.some((each) => each.address === address)) return [{ address, family: isIP(address) }];
      throw this.#refuse(verdict.ok ? '' : verdict.reason);
    });
  }

  #refusing(options: ConnectOptions, verdict: Verdict): ConnectOptions {
    const { path: _, ...rest } = options;
    const lookup = asLookup(async () => {
      throw this.#refuse(verdict.ok ? '' : verdict.reason);
    });
    return { ...rest, port: options.port ?? 1, host: INSTEAD, lookup };
  }

  #refuse(reason: string): EgressError {
    this.#refusal = new EgressError('egress_blocked', reason);
    return this.#refusal;
  }

  #checkPeerOf(socket: Socket, host: string, port: number): void {
    const check = () => {
      const verdict = this.#checkPeer(socket.remoteAddress, host, port);
      if (verdict.ok) this.#refusal = null;
      else socket.destroy(this.#refuse(verdict.reason));
    };
    // Before anything of the client's own, which may begin to talk.
    socket.prependOnceListener('connect', check);
    socket.once('close', () => socket.off('connect', check));
  }

  #checkPeer(address: string | undefined, host: string, port: number): Verdict {
    // One that has already hung up has no address any more.
    if (address === undefined) return ALLOWED;
    const names = [host, ...this.#exemptHostsAt(port)];
    const verdicts = names.map((name) => checkAddress(this.#policyAt(port), address, port, name));
    return verdicts.find(({ ok }) => ok) ?? verdicts[0] ?? ALLOWED;
  }

  #exemptHostsAt(port: number): string[] {
    return this.#hosts
      .filter((each) => each[1] === port && isExemptHost(this.#policy, each[0], port))
      .map(([host]) => host);
  }

  #policyAt(port: number): EgressPolicy {
    const { ports, exempt } = this.#policy;
    if (ports === 'any' || ports.has(port) || exempt.every(({ kind }) => kind === 'host')) return this.#policy;
    return { ...this.#policy, exempt: exempt.filter(({ kind }) => kind === 'host') };
  }
}

export interface SocketGuardOptions {
  readonly policy: EgressPolicy;
  readonly resolve?: Resolve;
  readonly hosts?: readonly string[];
  readonly inspect?: () => Inspect;
}

/** Of what `net.connect` takes, what matters here. */
interface ConnectOptions {
  readonly host?: string | undefined;
  readonly port?: number | string | undefined;
  readonly path?: string | undefined;
  readonly lookup?: LookupFunction | undefined;
}

/** A name, so that Node asks for its addresses. */
const INSTEAD = 'refused.invalid';

const guards = new AsyncLocalStorage<SocketGuard>();
let isWrapped = false;

/** Once, and for all sockets: those outside of a guard go on as they were. */
function wrapConnect(): void {
  if (isWrapped) return;
  isWrapped = true;
  const { connect } = Socket.prototype;
  Reflect.set(Socket.prototype, 'connect', function (this: Socket, ...args: unknown[]) {
    const guard = guards.getStore();
    if (!guard) return Reflect.apply(connect, this, args);
    const { options, callback } = normalized(args);
    return Reflect.apply(connect, this, [guard.hold(this, options), ...(callback ? [callback] : [])]);
  });
  wrapTls();
}

/** What speaks TLS on a socket of another's is never connected itself. */
function wrapTls(): void {
  const { connect } = tls;
  Reflect.set(tls, 'connect', (...args: unknown[]) => {
    const socket: tls.TLSSocket = Reflect.apply(connect, tls, args);
    guards.getStore()?.holdTls(socket);
    return socket;
  });
  syncBuiltinESMExports();
}

/** As Node takes them: options, a port and a host, or a path; or an array of the first two, from its own `connect`. */
function normalized(args: readonly unknown[]): { options: ConnectOptions; callback: unknown } {
  const [first, second] = args;
  if (Array.isArray(first)) return { options: first[0], callback: first[1] };
  const callback = args.findLast((each) => typeof each === 'function');
  if (typeof first === 'object' && first !== null) return { options: first, callback };
  if (typeof first === 'string' && Number.isNaN(Number(first))) return { options: { path: first }, callback };
  const options = { port: Number(first), ...(typeof second === 'string' && { host: second }) };
  return { options, callback };
}

/** @param find addresses of this family; 0: of any. */
function asLookup(find: (family: number) => Promise<readonly ResolvedAddress[]>): LookupFunction {
  return (_host, options, callback) => {
    const family = options.family === 4 || options.family === 6 ? options.family : 0;
    find(family).then(
      (addresses) => {
        const [first] = addresses;
        if (options.all) callback(null, [...addresses]);
        else if (first) callback(null, first.address, first.family);
        else callback(new EgressError('dns_failed', `no address of IPv${family}`), '', 0);
      },
      (error: Error) => callback(error, '', 0),
    );
  };
}
