import type { Journal } from './journal.ts';
import type { ReceivedRequest, RecordMode, Verdict } from './record.ts';
import type { Trust } from './trust.ts';

/** A request as it came off the wire, from either kind of server. */
export interface Arrival {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined if it was too large to take in. */
  readonly body: Buffer | undefined;
}

export interface Recorder {
  readonly mode: RecordMode;
  /** Verifies, counts, shows and, in the mode `full`, keeps the request. */
  record(arrival: Arrival): Verdict;
  /** All that the mode `none` asks for. */
  tick(): void;
}

export function createRecorder(
  mode: RecordMode,
  trust: Trust,
  journal: Journal,
  onRequest: ((request: ReceivedRequest) => void) | undefined,
): Recorder {
  return {
    mode,
    tick: () => journal.tick(),
    record({ method, path, query, headers, body }) {
      const verdict: Verdict = body ? trust.judge(path, headers, body) : { verified: false, reason: 'body_too_large' };
      const request: ReceivedRequest = {
        ...verdict,
        sequence: journal.counts.total + 1,
        receivedAt: Date.now(),
        method,
        path,
        query,
        headers,
        body: body?.toString('utf8') ?? '',
        webhookId: headers['webhook-id'],
      };
      journal.add(request);
      onRequest?.(request);
      return verdict;
    },
  };
}
