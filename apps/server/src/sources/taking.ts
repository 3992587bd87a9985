import { createHash } from 'node:crypto';
import type { Uuid } from '../core/ids.ts';
import { type EventTypeRule, type RejectionReason, readEvent } from '../core/source-event.ts';
import { checkByCatalogue } from '../directory/catalogue-check.ts';
import type { Directory } from '../directory/directory.ts';
import { Problem } from '../errors.ts';
import type { Acceptor } from '../ingest/acceptor.ts';
import { ComeLater, type Received, type Take } from './receiver.ts';
import type { Rejections } from './rejections.ts';

/** Whose messages they are, and how they say what they are. */
export interface Consumed {
  readonly id: Uuid;
  readonly environmentId: Uuid;
  readonly applicationId: Uuid;
  readonly eventType: EventTypeRule;
}

export interface TakingDependencies {
  readonly directory: Directory;
  readonly acceptor: Pick<Acceptor, 'accept'>;
  readonly rejections: Rejections;
}

/** A quota may be raised before its month ends. */
const QUOTA_REST_MS = 3_600_000;

/**
 * How messages of a source become events: matched, held against the catalogue and charged as those that are published, and
 * committed when this resolves. What the broker calls a message, together with its content, is an idempotency key, so
 * that one which comes again within 24 hours is known.
 */
export function takerFor(source: Consumed, { directory, acceptor, rejections }: TakingDependencies): Take<Received> {
  const { id, environmentId, applicationId } = source;
  const scope = `source ${id}`;

  return async (message) => {
    const digest = digestOf(message);
    const reject = (reason: RejectionReason, detail: string) =>
      rejections.keep({ ...source, message, digest, reason, detail });
    const read = readEvent(source.eventType, message);
    if (!read.ok) return reject(read.reason, read.detail);
    const application = await directory.application(environmentId, { by: 'id', id: applicationId });
    if (!application) throw new Error('the application is gone');
    const { environment } = application;
    let payloadErrors: string | null = null;
    try {
      if (environment.catalogue) payloadErrors = await checkByCatalogue(directory, environment, read);
    } catch (error) {
      if (error instanceof Problem && isOfMessage(error.code)) return reject(error.code, error.message);
      throw error;
    }
    const { endpoints, matching } = application.match({ eventType: read.eventType, channels: null, endpointIds: null });
    const acceptance = await acceptor
      .accept({
        ...{ environmentId, applicationId, eventType: read.eventType, eventId: null, payload: read.payload },
        ...{ headers: null, channels: null, endpoints, matching, payloadErrors, trigger: 'scheduled' },
        // Nobody is answered; what counts is that the key was used.
        keyed: () => ({
          ...{ environmentId, scope, key: digest.toString('base64url'), fingerprint: digest, status: 202, body: '' },
        }),
      })
      .catch((error: unknown) => {
        throw error instanceof Problem && error.code === 'quota_exceeded' ? untilQuota(error) : error;
      });
    if (acceptance.kind === 'key_in_use') throw new Error('the message is being taken in elsewhere');
    return acceptance.kind === 'accepted' ? 'taken' : 'repeated';
  };
}

function isOfMessage(code: string): code is RejectionReason {
  return code === 'unknown_event_type' || code === 'payload_invalid';
}

function untilQuota({ message, reset }: Problem): ComeLater {
  const ms = (reset?.seconds ?? Number.POSITIVE_INFINITY) * 1_000;
  return new ComeLater(`quota_exceeded: ${message}`, Math.min(ms, QUOTA_REST_MS));
}

/**
 * Not the broker's id alone: a stream or topic that was made anew counts from the start again, and what has the place of
 * an earlier message there is not that message.
 */
function digestOf({ id, body, headers }: Received): Buffer {
  const about = JSON.stringify([id, Object.entries(headers).sort()]);
  return createHash('sha256')
    .update(`${Buffer.byteLength(about)} ${about}`)
    .update(body)
    .digest();
}
