import { failureOf, isOfBroker } from '../brokers/failure.ts';
import { Problem } from '../errors.ts';
import type { Log } from '../log.ts';
import { isTransient } from '../store/database.ts';
import { ComeLater } from './receiver.ts';

/** Why a source does not go on, for its owner: a code, and words that hold no secret and nothing of a message. */
export function explainer(log: Log): (error: unknown) => string {
  return (error) => {
    if (error instanceof ComeLater) return error.message;
    if (error instanceof Problem) return `${error.code}: ${error.message}`;
    if (isOfBroker(error)) {
      const { code, message } = failureOf(error);
      return `${code}: ${message}`;
    }
    if (isTransient(error)) return 'storage_unavailable: the database cannot be reached';
    log.error({ err: error }, 'a source met a fault of our own');
    return 'internal_error: a fault of our own; it is tried again';
  };
}
