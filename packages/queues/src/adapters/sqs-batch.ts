import type { BatchResultErrorEntry } from '@aws-sdk/client-sqs';
import { QueueError } from '../error.ts';
import { codeOf } from './sqs-client.ts';

/** What one request takes. */
export const MAX_ENTRIES = 10;
/** How long the rest of a request is waited for: each is paid for. */
const GATHER_MS = 5;

interface Waiting<T> {
  readonly item: T;
  readonly done: (error: QueueError | null) => void;
}

/** Gathers what is asked for one by one into requests of ten, and tells each what became of it. */
export class Gatherer<T> {
  readonly #send: (items: readonly T[]) => Promise<readonly (QueueError | null)[]>;
  #waiting: Waiting<T>[] = [];
  #timer: NodeJS.Timeout | null = null;

  /** @param send one request; resolves with what went wrong, each at its place. */
  constructor(send: (items: readonly T[]) => Promise<readonly (QueueError | null)[]>) {
    this.#send = send;
  }

  /** What went wrong with it. Never rejects. */
  add(item: T): Promise<QueueError | null> {
    return new Promise((done) => {
      this.#waiting.push({ item, done });
      if (this.#waiting.length >= MAX_ENTRIES) this.#flush();
      else this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS);
    });
  }

  #flush(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const batch = this.#waiting.splice(0);
    this.#send(batch.map(({ item }) => item)).then(
      (errors) => {
        for (const [at, { done }] of batch.entries()) done(errors[at] ?? null);
      },
      (error: QueueError) => {
        for (const { done } of batch) done(error);
      },
    );
  }
}

/** Entries are named by their place. */
export function failures(failed: readonly BatchResultErrorEntry[] = []): Map<number, QueueError> {
  return new Map(failed.map((entry) => [Number(entry.Id), entryError(entry)]));
}

/** Another has it, or nobody any longer: there is nothing more to say of it. */
export class NotOurs extends QueueError {}

function entryError({ Code = '', Message = Code, SenderFault }: BatchResultErrorEntry): QueueError {
  const message = Message || 'refused by SQS';
  if (/ReceiptHandle|MessageNotInflight/.test(Code) || /receipt handle|not available for visibility/i.test(message)) {
    return new NotOurs('rejected', message);
  }
  return new QueueError(codeOf(Code, message, SenderFault ? 400 : 500), message);
}
