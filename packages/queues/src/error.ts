/**
 * Why a broker did not do what it was asked. Stable: branch on it.
 *
 * - `misconfigured`: the settings cannot be: a missing field, a malformed URL
 * - `unreachable`: no connection, or it broke, or no answer in time; a later try may work
 * - `unauthorized`: the credentials are wrong or may not do this
 * - `no_such_queue`: the queue, topic or stream is not there
 * - `too_large`: the message is over the broker's limit
 * - `unsupported`: this kind of broker cannot do it
 * - `rejected`: the broker said no for another reason
 */
export type QueueErrorCode =
  | 'misconfigured'
  | 'unreachable'
  | 'unauthorized'
  | 'no_such_queue'
  | 'too_large'
  | 'unsupported'
  | 'rejected';

/** The message is for people and never holds a credential. */
export class QueueError extends Error {
  override readonly name = 'QueueError';
  readonly code: QueueErrorCode;

  constructor(code: QueueErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
