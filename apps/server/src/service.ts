/** The one contract of everything that runs: start it once, stop it once; `stop` resolves when nothing of it is left. */
export interface Service {
  start(): void;
  stop(): Promise<void>;
}

/**
 * Runs `work` again and again, `intervalMs` after its last run ended, so that runs never overlap. A failed run is
 * reported and does not end the series.
 */
export function repeating(intervalMs: number, work: () => Promise<void>, onError: (error: unknown) => void): Service {
  let timer: NodeJS.Timeout | undefined;
  let current: Promise<void> = Promise.resolve();
  let stopped = false;
  const turn = () => {
    current = work()
      .catch(onError)
      .then(() => {
        if (!stopped) timer = setTimeout(turn, intervalMs);
      });
  };
  return {
    start: turn,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await current;
    },
  };
}
