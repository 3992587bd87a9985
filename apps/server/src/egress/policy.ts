import type { Exemption } from './exemptions.ts';

/** One of the addresses this process listens on. `0.0.0.0` and `::` stand for every local address at that port. */
export interface OwnAddress {
  readonly address: string;
  readonly port: number;
}

/** What may be dialled. Plain data: every decision made from it is a pure function beside this file. */
export interface EgressPolicy {
  /** Off in production: `http:` puts payloads and signatures on the wire in clear. */
  readonly allowHttp: boolean;
  readonly ports: ReadonlySet<number> | 'any';
  /** What the operator opened with POSTRIDER_EGRESS_ALLOW; see exemptions.ts for what each kind opens. */
  readonly exempt: readonly Exemption[];
  /** Refused whatever is exempt: a tenant must not reach our own API as if from inside. */
  readonly own: readonly OwnAddress[];
}

/** A security check returns its reason. `reason` is `code detail`, e.g. `private_address 10.0.0.1`. */
export type Verdict = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export const ALLOWED: Verdict = { ok: true };

export function refused(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}
