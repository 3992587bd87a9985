import type { Behaviour } from '@postrider/receiver';
import type { DeliveryView } from './deliveries.ts';

/** One request at a fifo endpoint, and whether it was taken. */
export interface Arrival {
  readonly messageId: string;
  readonly isTaken: boolean;
}

/**
 * A receiver that writes down in which order it was called. Of its messages every fifth fails once, and every eleventh
 * always.
 */
export class OrderedReceiver {
  readonly arrivals: Arrival[] = [];
  /** How many requests were being answered at once, at most. */
  mostAtOnce = 0;
  readonly #answerMs: number;
  readonly #seen = new Map<string, number>();
  #now = 0;

  constructor(answerMs: number) {
    this.#answerMs = answerMs;
  }

  readonly behaviour: Behaviour = ({ webhookId = 'none' }) => {
    const message = [...this.#seen.keys()].indexOf(webhookId);
    const place = message === -1 ? this.#seen.size : message;
    const before = this.#seen.get(webhookId) ?? 0;
    this.#seen.set(webhookId, before + 1);
    const isTaken = !(place % 11 === 10 || (place % 5 === 4 && before === 0));
    this.arrivals.push({ messageId: webhookId, isTaken });
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#now);
    const until = new Promise<void>((resolve) => {
      setTimeout(() => {
        this.#now--;
        resolve();
      }, this.#answerMs);
    });
    return { status: isTaken ? 200 : 500, until };
  };
}

/**
 * What is wrong with an order of arrivals: one after the other as they were accepted, the next not before the one before
 * has ended, and again only what came last.
 *
 * @param accepted message ids in the order of their 202s.
 * @param deliveries how each ended, by message id.
 */
export function disorder(
  accepted: readonly string[],
  arrivals: readonly Arrival[],
  deliveries: ReadonlyMap<string, DeliveryView>,
): string[] {
  const wrong: string[] = [];
  const places = new Map(accepted.map((id, n) => [id, n]));
  let current = -1;
  let times = 0;
  let isTaken = false;
  const endCurrent = () => {
    const id = accepted[current];
    if (id === undefined) return;
    const { status, attempt_count = 0 } = deliveries.get(id) ?? {};
    const hasEnded = status === 'SENT' ? isTaken : status === 'FAILED' && times >= attempt_count;
    if (!hasEnded) wrong.push(`${id} (${current}), in the end ${status}, had not ended when the next was sent`);
  };
  for (const arrival of arrivals) {
    const place = places.get(arrival.messageId);
    if (place !== current) {
      endCurrent();
      if (place !== current + 1) wrong.push(`${arrival.messageId} (${place}) came after ${current}`);
      current = Math.max(current, place ?? current);
      [times, isTaken] = [0, false];
    }
    times++;
    isTaken ||= arrival.isTaken;
  }
  endCurrent();
  if (current !== accepted.length - 1) wrong.push(`the last that came is ${current} of ${accepted.length}`);
  return wrong;
}
