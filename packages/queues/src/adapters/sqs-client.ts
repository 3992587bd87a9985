import type { SQS } from '@aws-sdk/client-sqs';
import { QueueError, type QueueErrorCode } from '../error.ts';
import type { Ends } from '../link.ts';

export interface SqsClientConfig {
  /** As AWS names it: eu-central-1. */
  readonly region: string;
  /**
   * An access key. It has to be given, as what the machine itself may do is not for everybody who names a queue: neither
   * the environment, nor files of AWS, nor the services of its machines are asked.
   */
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    /** Of credentials that end. */
    readonly sessionToken?: string;
  };
  /** https:// or http://, of a VPC endpoint or an emulator; that of the queue's URL or of the region unless told. */
  readonly endpoint?: string;
  /** With https: whose certificates to believe, PEM; the system's authorities unless told. */
  readonly ca?: string;
}

/** Longer than any wait for a call: it is the link that gives up. */
const REQUEST_MS = 60_000;
/** Less than the wait for a connection. */
const PROBE_MS = 8_000;
/** Connections at once: a poll that waits keeps one. */
const SOCKETS = 32;

/** The client is loaded by the first call. @param probe asks the queue something, to see that there is an answer. */
export function sqsEnds(
  config: SqsClientConfig,
  origin: string | null,
  probe: (sqs: SQS, signal: AbortSignal) => Promise<unknown>,
): Ends<SQS> {
  const { credentials } = config;
  if (!/^[a-z0-9-]+$/.test(config.region ?? '')) throw new QueueError('misconfigured', 'region: as eu-central-1');
  if (!credentials?.accessKeyId || !credentials.secretAccessKey) {
    throw new QueueError('misconfigured', 'credentials: accessKeyId and secretAccessKey');
  }
  const endpoint = endpointOf(config, origin);
  return {
    async open() {
      const { SQS } = await import('@aws-sdk/client-sqs');
      const agent = { keepAlive: true, maxSockets: SOCKETS };
      const sqs = new SQS({
        region: config.region,
        credentials: {
          accessKeyId: credentials.accessKeyId,
          secretAccessKey: credentials.secretAccessKey,
          ...(credentials.sessionToken !== undefined && { sessionToken: credentials.sessionToken }),
        },
        endpoint,
        // Where a message goes is never said by an answer.
        useQueueUrlAsEndpoint: false,
        useFipsEndpoint: false,
        useDualstackEndpoint: false,
        defaultsMode: 'standard',
        // A caller is to hear now that the broker is away.
        maxAttempts: 1,
        requestHandler: {
          connectionTimeout: PROBE_MS,
          requestTimeout: REQUEST_MS,
          throwOnRequestTimeout: true,
          httpAgent: agent,
          httpsAgent: { ...agent, ...(config.ca !== undefined && { ca: config.ca }) },
        },
      });
      try {
        await probe(sqs, AbortSignal.timeout(PROBE_MS));
      } catch (error) {
        // Any answer will do but that it does not know who asks.
        if (statusOf(error) === null || UNKNOWN_USER.test(nameOf(error))) {
          sqs.destroy();
          throw error;
        }
      }
      return sqs;
    },
    shut: (sqs) => sqs.destroy(),
    toError: sqsError,
  };
}

function endpointOf({ endpoint, region }: SqsClientConfig, origin: string | null): string {
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const text = endpoint ?? origin ?? `https://sqs.${region}.${suffix}`;
  const url = URL.parse(text);
  const isPlain = url && /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash;
  if (!isPlain) throw new QueueError('misconfigured', 'endpoint: https://host or http://host:port');
  return text;
}

const UNKNOWN_USER = /InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|InvalidSignature|ExpiredToken/;

/** By the names of what SQS answers, its old and its new ones. */
const CODES: readonly [RegExp, QueueErrorCode][] = [
  [UNKNOWN_USER, 'unauthorized'],
  [/AccessDenied|InvalidSecurity|MissingAuthenticationToken|IncompleteSignature|OptInRequired|^Kms/, 'unauthorized'],
  [/QueueDoesNotExist|NonExistentQueue/, 'no_such_queue'],
  [/BatchRequestTooLong/, 'too_large'],
  // A queue that was just deleted can be made again a minute later.
  [/Throttl|OverLimit|QueueDeletedRecently|InternalFailure|InternalError|ServiceUnavailable/, 'unreachable'],
];
/** What a message that is too large is refused with has the name of many other refusals. */
const TOO_LARGE = /MessageTooLong|shorter than \d+ bytes|maximum (allowed )?(message )?(length|size)|larger than/i;

/** Of an answer, or of one entry in it. */
export function codeOf(name: string, message: string, status: number): QueueErrorCode {
  const found = CODES.find(([pattern]) => pattern.test(name))?.[1];
  if (found) return found;
  if (TOO_LARGE.test(message)) return 'too_large';
  if (status === 403) return 'unauthorized';
  return status >= 500 || status === 429 ? 'unreachable' : 'rejected';
}

export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

/** Of the answer. Null where there was none. */
function statusOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return null;
  const { $metadata: metadata } = error;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return null;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : null;
}

function sqsError(error: unknown): QueueError {
  if (error instanceof QueueError) return error;
  const name = nameOf(error);
  const message = (error instanceof Error && error.message) || name || String(error);
  const status = statusOf(error);
  const code = status === null ? 'unreachable' : codeOf(name, message, status);
  return new QueueError(code, message, { cause: error });
}
