import type { Audience } from './audience.ts';
import { type DeliveryView, deliveryKey } from './deliveries.ts';
import type { AcceptedMessage } from './producer.ts';
import type { Receipts } from './receipts.ts';

/** A delivery that was received more often than its attempts account for: some result of it was lost with its process. */
export interface Duplicate {
  readonly delivery: DeliveryView;
  /** When it came, Unix milliseconds. */
  readonly times: readonly number[];
}

export interface Verdict {
  /** Messages answered 202, and the deliveries they were promised. */
  readonly accepted: number;
  readonly deliveries: number;
  /** Requests at the receiver, every try of every message that has a row. */
  readonly received: number;
  /** Requests beyond the attempts on record. */
  readonly duplicates: number;
  readonly duplicated: readonly Duplicate[];
  /** Promised and never received. */
  readonly lost: readonly string[];
  /** Promised, and not on record as SENT; or on record other than it arrived. */
  readonly faults: readonly string[];
}

/** Holds what was promised against what arrived and what the API says of it. */
export function judge(
  accepted: readonly AcceptedMessage[],
  receipts: Receipts,
  deliveries: ReadonlyMap<string, DeliveryView>,
): Verdict {
  const lost: string[] = [];
  const faults = [...receipts.faults];
  let promised = 0;
  for (const { draft, id, fanout } of accepted) {
    const expected = draft.audience.listeners.filter(({ hears }) => hears(draft.eventType));
    if (fanout !== expected.length) faults.push(`${id} (${draft.eventType}) has the fanout ${fanout}`);
    promised += expected.length;
    const arrivedAs = receipts.idOf(draft.n);
    if (arrivedAs !== undefined && arrivedAs !== id) faults.push(`${id} arrived as ${arrivedAs}`);
    for (const listener of draft.audience.listeners) {
      const isReceived = receipts.of(listener.label, id).length > 0;
      const isPromised = expected.includes(listener);
      const status = deliveries.get(deliveryKey(id, listener.id))?.status ?? 'nowhere';
      if (isPromised && !isReceived) lost.push(`${id} to ${listener.label}, which is ${status}`);
      if (isPromised && status !== 'SENT') faults.push(`${id} to ${listener.label} is ${status}`);
      if (!isPromised && (isReceived || status !== 'nowhere')) faults.push(`${id} went to ${listener.label} unasked`);
    }
  }
  const duplicated = duplicatesOf(audiencesOf(accepted), receipts, deliveries);
  return {
    accepted: accepted.length,
    deliveries: promised,
    received: receipts.total,
    duplicates: duplicated.reduce((sum, { delivery, times }) => sum + times.length - delivery.attempt_count, 0),
    duplicated,
    lost,
    faults,
  };
}

function audiencesOf(accepted: readonly AcceptedMessage[]): Set<Audience> {
  return new Set(accepted.map(({ draft }) => draft.audience));
}

/** Of all deliveries, also those of messages whose 202 never reached us. */
function duplicatesOf(
  audiences: ReadonlySet<Audience>,
  receipts: Receipts,
  deliveries: ReadonlyMap<string, DeliveryView>,
): Duplicate[] {
  const labels = new Map([...audiences].flatMap(({ listeners }) => listeners.map(({ id, label }) => [id, label])));
  return [...deliveries.values()]
    .map((delivery) => ({
      delivery,
      times: receipts.of(labels.get(delivery.endpoint_id) ?? '', delivery.message_id),
    }))
    .filter(({ delivery, times }) => times.length > delivery.attempt_count);
}

/** `accepted=… deliveries=… received=… duplicates=… kills=… lost=…` */
export function figures({ accepted, deliveries, received, duplicates, lost }: Verdict, kills: number): string {
  return `accepted=${accepted} deliveries=${deliveries} received=${received} duplicates=${duplicates} kills=${kills} lost=${lost.length}`;
}
