/** The one contract of everything that runs: start it once, stop it once; `stop` resolves when nothing of it is left. */
export interface Service {
  start(): void;
  stop(): Promise<void>;
}

/**
 * Runs `work` again and again, `intervalMs` after its last run ended, so that runs never overlap. A failed run is
 * reported and does not end the series.
 *
 * @param work told by its signal when to stop: one that takes long looks at it between two steps.
 */
export function repeating(
  intervalMs: number,
  work: (signal: AbortSignal) => Promise<void>,
  onError: (error: unknown) => void,
): Service {
  let timer: NodeJS.Timeout | undefined;
  let current: Promise<void> = Promise.resolve();
  const stopping = new AbortController();
  const turn = () => {
    current = work(stopping.signal)
      .catch(onError)
      .then(() => {
        if (!stopping.signal.aborted) timer = setTimeout(turn, intervalMs);
      });
  };
  return {
    start: turn,
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await current;
    },
  };
}
