import type { EgressErrorCode } from './error-code.ts';

export interface EgressRequest {
  /** Put through the URL policy again at each send. */
  readonly url: string;
  /** Sent as they are: whoever composes them has put the customer's own through `checkHeaders`. */
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array;
  /** Milliseconds for everything: a free connection, DNS, connect, TLS, request, headers and body. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
}

/** Whole milliseconds. Null: the step was not taken (a reused connection, a literal, `http:`) or not finished. */
export interface Timings {
  dns: number | null;
  connect: number | null;
  tls: number | null;
  /** From the request being written to the first byte of the answer. */
  first_byte: number | null;
}

/** What came of one POST. Redirects are responses like any other: nothing is followed. */
export type Exchange =
  | {
      readonly kind: 'response';
      readonly status: number;
      /** Lower-case names, repeated ones joined by `, `; the first 64 lines and 8 KB. */
      readonly headers: Record<string, string>;
      /** The first 4,096 bytes as UTF-8, not inflated, with U+FFFD for what is not text (NUL included). */
      readonly body: string;
      readonly durationMs: number;
      readonly timings: Timings;
    }
  | {
      readonly kind: 'error';
      readonly code: EgressErrorCode;
      readonly message: string;
      readonly durationMs: number;
      readonly timings: Timings;
    };
