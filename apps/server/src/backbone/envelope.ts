import type { Trigger } from '../core/delivery.ts';
import type { Uuid } from '../core/ids.ts';
import type { LeasedDelivery } from '../store/lease.ts';

/**
 * What goes through the broker: deliveries that were committed at about the same time, already leased, with all that a
 * worker needs to send them. JSON; a message is in it once, however many deliveries it has.
 */

/** On its way to a worker. */
export interface Departure {
  readonly delivery: LeasedDelivery;
  /** By when a worker must have it in hand, milliseconds of the database's clock. */
  readonly startBy: number;
}

export interface Envelope {
  /** The earliest of all that are in it. */
  readonly startBy: number;
  readonly deliveries: readonly LeasedDelivery[];
}

/** Another form is another number: processes of two versions meet on one queue while they are exchanged. */
const VERSION = 1;
/** Whoever takes an envelope takes it whole: with too many in it, workers could not share evenly. */
export const MAX_DELIVERIES = 32;
const HEAD = '{"version":1,"start_by":00000000000000,"messages":[]}'.length;

interface MessageInEnvelope {
  readonly id: Uuid;
  readonly environment_id: Uuid;
  readonly application_id: Uuid;
  readonly event_type: string;
  readonly event_id: string | null;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly payload: string;
  readonly deliveries: readonly [id: Uuid, endpointId: Uuid, trigger: Trigger, lease: number][];
}

/**
 * Puts departures into envelopes, in order.
 *
 * @param maxBytes of one envelope. What does not fit into any comes back as `tooLarge`.
 */
export function pack(
  departures: readonly Departure[],
  maxBytes: number,
): { envelopes: { readonly body: string; readonly departures: Departure[] }[]; tooLarge: Departure[] } {
  const envelopes: { body: string; departures: Departure[] }[] = [];
  const tooLarge: Departure[] = [];
  let parts: string[] = [];
  let inside: Departure[] = [];
  let bytes = HEAD;
  const close = () => {
    if (inside.length > 0) envelopes.push({ body: bodyOf(inside, parts), departures: inside });
    [parts, inside, bytes] = [[], [], HEAD];
  };
  for (const ofMessage of runsOfOneMessage(departures)) {
    const part = JSON.stringify(messageOf(ofMessage));
    const size = Buffer.byteLength(part) + 1;
    if (HEAD + size > maxBytes) {
      tooLarge.push(...ofMessage);
      continue;
    }
    if (bytes + size > maxBytes || inside.length + ofMessage.length > MAX_DELIVERIES) close();
    parts.push(part);
    inside.push(...ofMessage);
    bytes += size;
  }
  close();
  return { envelopes, tooLarge };
}

/** What was packed; null where it is of another version. @throws where it is no envelope. */
export function unpack(body: Buffer): Envelope | null {
  const { version, start_by, messages } = JSON.parse(body.toString()) as {
    version: number;
    start_by: number;
    messages: readonly MessageInEnvelope[];
  };
  if (version !== VERSION) return null;
  return { startBy: start_by, deliveries: messages.flatMap(deliveriesOf) };
}

/** Departures of one message come one after the other, no more than fit into one envelope. */
function* runsOfOneMessage(departures: readonly Departure[]): Generator<Departure[]> {
  let run: Departure[] = [];
  for (const departure of departures) {
    const isSame = run[0]?.delivery.messageId === departure.delivery.messageId;
    if (run.length > 0 && (!isSame || run.length === MAX_DELIVERIES)) {
      yield run;
      run = [];
    }
    run.push(departure);
  }
  if (run.length > 0) yield run;
}

function bodyOf(inside: readonly Departure[], parts: readonly string[]): string {
  const startBy = Math.floor(Math.min(...inside.map((each) => each.startBy)));
  return `{"version":${VERSION},"start_by":${startBy},"messages":[${parts.join(',')}]}`;
}

function messageOf(ofMessage: readonly Departure[]): MessageInEnvelope {
  const [{ delivery }] = ofMessage as [Departure];
  return {
    id: delivery.messageId,
    environment_id: delivery.environmentId,
    application_id: delivery.applicationId,
    event_type: delivery.eventType,
    event_id: delivery.eventId,
    headers: delivery.headers,
    payload: delivery.payload,
    deliveries: ofMessage.map(({ delivery: { id, endpointId, trigger, lease } }) => [id, endpointId, trigger, lease]),
  };
}

function deliveriesOf(message: MessageInEnvelope): LeasedDelivery[] {
  return message.deliveries.map(([id, endpointId, trigger, lease]) => ({
    id,
    messageId: message.id,
    environmentId: message.environment_id,
    applicationId: message.application_id,
    endpointId,
    eventType: message.event_type,
    trigger,
    // Only first tries come this way; what is tried again waits in its lane.
    attemptCount: 0,
    lease,
    payload: message.payload,
    eventId: message.event_id,
    headers: message.headers,
    isProbe: false,
    isCounted: false,
  }));
}
