import type { WebhookVerificationErrorCode } from '@postrider/webhook';

/** Whether the request was signed by somebody we trust, and if not, why not. */
export type Verdict =
  | { readonly verified: true }
  | { readonly verified: false; readonly reason: WebhookVerificationErrorCode | 'no_secret_known' | 'body_too_large' };

export type ReceivedRequest = Verdict & {
  /** 1 for the first request of this receiver, and so on without gaps. */
  readonly sequence: number;
  /** Unix milliseconds, once the last byte of the body had come. */
  readonly receivedAt: number;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** With its question mark, or empty. */
  readonly query: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly webhookId: string | undefined;
};

/**
 * How much is done about each request besides answering it:
 * `full` verifies and keeps it; `count` verifies, counts and shows it to `onRequest`, but keeps nothing; `none` only
 * counts, for the bench, where the receiver shares two cores with what it measures.
 */
export type RecordMode = 'full' | 'count' | 'none';
