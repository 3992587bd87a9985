import { lookup } from 'node:dns/promises';
import { EgressError } from './error-code.ts';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** All the addresses of a name, as the system gives them. Rejects when there are none. */
export type Resolve = (hostname: string) => Promise<readonly ResolvedAddress[]>;

/** The system's resolver, hosts file included: what the operator's machine believes. */
const system: Resolve = (hostname) => lookup(hostname, { all: true });

/**
 * Shares one look-up between all that ask for a name at the same instant: `getaddrinfo` holds one of the four threads
 * of libuv's pool until it is answered, so thirty connections to one silent name server would stop every other name.
 * Nothing is kept once answered; the system's own cache is what honours the record's time to live.
 */
export function sharedResolve(resolve: Resolve = system): Resolve {
  const pending = new Map<string, Promise<readonly ResolvedAddress[]>>();
  return (hostname) => {
    const asked = pending.get(hostname);
    if (asked !== undefined) return asked;
    const answer = resolve(hostname)
      .catch((error: unknown) => {
        throw new EgressError('dns_failed', `${hostname} does not resolve${codeOf(error)}`, error);
      })
      .finally(() => pending.delete(hostname));
    pending.set(hostname, answer);
    return answer;
  };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
}
