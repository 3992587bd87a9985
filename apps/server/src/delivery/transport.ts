import type { Endpoint } from '../core/endpoint.ts';
import type { LeasedDelivery } from '../store/lease.ts';

/** One try of one delivery, as it was made and as it went. */
export interface Sent {
  readonly url: string;
  /** As sent, secrets masked. */
  readonly requestHeaders: Readonly<Record<string, string>>;
  readonly durationMs: number;
  readonly timings: { dns: number | null; connect: number | null; tls: number | null; first_byte: number | null };
  readonly answer:
    | { kind: 'response'; status: number; headers: Readonly<Record<string, string>>; body: string }
    | { kind: 'error'; code: string; message: string }
    /** A broker has it. */
    | { kind: 'published' };
}

/** How deliveries reach one type of endpoint. A new kind of destination is one new file with one of these. */
export interface Transport {
  /** Never rejects, and is done within the endpoint's deadline. */
  send(endpoint: Endpoint, delivery: LeasedDelivery): Promise<Sent>;
}
