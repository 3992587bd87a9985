import type { ReceivedRequest } from '@postrider/receiver';

/** What arrived, and whatever was wrong with it: kept small, because there are tens of thousands. */
export class Receipts {
  /** Faults that no test forgives: a bad signature, a message under two ids. */
  readonly faults: string[] = [];
  /** label + webhook-id → when each request came, Unix milliseconds. */
  readonly #times = new Map<string, number[]>();
  /** The producer's own number of a message → the id it came under. */
  readonly #ids = new Map<number, string>();
  #total = 0;

  /** Requests received, all tries counted. */
  get total(): number {
    return this.#total;
  }

  /** When this endpoint got this message: one time for each try, in order. */
  of(label: string, messageId: string): readonly number[] {
    return this.#times.get(`${label} ${messageId}`) ?? [];
  }

  /** Whether this endpoint has got this message before. */
  has(request: ReceivedRequest): boolean {
    return this.#times.has(keyOf(request));
  }

  /** The id that the message with this number arrived under, if it did. */
  idOf(n: number): string | undefined {
    return this.#ids.get(n);
  }

  /** Give this to the receiver as its onRequest. The label is the last part of the path. */
  readonly enter = (request: ReceivedRequest): void => {
    this.#total++;
    const { webhookId: id = 'none', path, receivedAt } = request;
    if (!request.verified) this.faults.push(`${id} at ${path} is not signed: ${request.reason}`);
    const { n } = JSON.parse(request.body) as { n: number };
    const known = this.#ids.get(n);
    if (known === undefined) this.#ids.set(n, id);
    else if (known !== id) this.faults.push(`message ${n} came as ${known} and as ${id}`);
    const key = keyOf(request);
    const times = this.#times.get(key);
    if (times) times.push(receivedAt);
    else this.#times.set(key, [receivedAt]);
  };
}

function keyOf({ path, webhookId }: ReceivedRequest): string {
  return `${path.slice(path.lastIndexOf('/') + 1)} ${webhookId ?? 'none'}`;
}
