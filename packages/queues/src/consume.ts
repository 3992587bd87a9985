import { setTimeout as pause } from 'node:timers/promises';
import type { ConsumeOptions, Consumer, Handler, IncomingMessage, QueuePort } from './port.ts';

const DEFAULT_CONCURRENCY = 16;
/** One receive waits no longer, so that a stop is heard. */
const WAIT_MS = 1_000;
/** After a broker could not be reached: doubled up to the second number. */
const BACKOFF_MS = [100, 5_000] as const;

/**
 * Receives into free places and handles what came, for any port. A message is acked once its handler resolves and nacked
 * when it rejects. A broker that is away is asked again after a growing pause.
 */
export function consume(
  port: Pick<QueuePort, 'receive' | 'ack' | 'nack'>,
  handler: Handler,
  { concurrency = DEFAULT_CONCURRENCY, retryDelayMs = 0, onError = () => {} }: ConsumeOptions = {},
): Consumer {
  const stopping = new AbortController();
  const inHand = new Set<Promise<void>>();

  const handle = async (message: IncomingMessage) => {
    const isDone = await handler(message).then(
      () => true,
      (error: unknown) => {
        onError(error);
        return false;
      },
    );
    // A message whose ack is lost comes again: at least once is all that a broker promises.
    await (isDone ? port.ack([message]) : port.nack([message], { delayMs: retryDelayMs })).catch(onError);
  };

  const run = async () => {
    let backoff: number = BACKOFF_MS[0];
    while (!stopping.signal.aborted) {
      if (inHand.size >= concurrency) {
        await Promise.race(inHand);
        continue;
      }
      try {
        for (const message of await port.receive({ max: concurrency - inHand.size, waitMs: WAIT_MS })) {
          const handling: Promise<void> = handle(message).finally(() => inHand.delete(handling));
          inHand.add(handling);
        }
        backoff = BACKOFF_MS[0];
      } catch (error) {
        if (stopping.signal.aborted) break;
        onError(error);
        await pause(backoff, undefined, { signal: stopping.signal }).catch(() => {});
        backoff = Math.min(2 * backoff, BACKOFF_MS[1]);
      }
    }
    await Promise.all(inHand);
  };

  const running = run();
  return {
    stop() {
      stopping.abort();
      return running;
    },
  };
}
