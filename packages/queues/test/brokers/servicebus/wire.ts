import rhea, { type Message } from 'rhea';
import type { Stored } from './queue.ts';

/** Of messages that hold many. */
export const BATCH_FORMAT = 0x80013700;

export function decoded(encoded: Buffer): Message {
  return { body: null, ...rhea.message.decode(encoded) };
}

/** Many encoded messages in one, as the pieces of its body. */
export function partsOf(batch: Buffer): Buffer[] {
  return [decoded(batch).body.content].flat();
}

/** What a queue has to know of it. */
export function incoming(encoded: Buffer): Omit<Stored, 'sequence' | 'failures' | 'enqueuedAt'> {
  const { message_id, group_id, message_annotations } = decoded(encoded);
  const scheduled = message_annotations?.['x-opt-scheduled-enqueue-time'];
  const availableAt = scheduled === undefined ? 0 : Number(scheduled);
  return {
    encoded: encoded.toString('base64'),
    messageId: message_id === undefined ? null : String(message_id),
    session: group_id ?? null,
    availableAt: availableAt > Date.now() ? availableAt : 0,
  };
}

export function outgoing({ sequence, encoded, enqueuedAt, failures }: Stored, lockedUntil: number | null): Message {
  const message = decoded(Buffer.from(encoded, 'base64'));
  return {
    ...message,
    delivery_count: failures,
    message_annotations: {
      ...message.message_annotations,
      'x-opt-sequence-number': rhea.types.wrap_long(sequence),
      'x-opt-enqueued-time': rhea.types.wrap_timestamp(enqueuedAt),
      ...(lockedUntil !== null && { 'x-opt-locked-until': rhea.types.wrap_timestamp(lockedUntil) }),
    },
  };
}

export function withReason(encoded: string, reason: string): string {
  const message = decoded(Buffer.from(encoded, 'base64'));
  const application_properties = { ...message.application_properties, DeadLetterReason: reason };
  return rhea.message.encode({ ...message, application_properties }).toString('base64');
}

/** A lock token as a tag of a delivery. */
export function bytesOf(token: string): Buffer {
  return Buffer.from(token.replaceAll('-', ''), 'hex');
}

export function tokenOf(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A client shows the first three parts of a tag the other way round, as the service's own language does. */
export function uuid(bytes: Buffer): string {
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  return tokenOf(Buffer.from(order.map((at) => bytes[at] ?? 0)));
}

/** Ten millionths of a second since the year 1, as the service writes the end of a session's lock. */
export function ticks(ms: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(Math.round(ms)) * 10_000n + 621_355_968_000_000_000n);
  return bytes;
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
