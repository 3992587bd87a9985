/** The one contract of everything that runs: start it once, stop it once; `stop` resolves when nothing of it is left. */
export interface Service {
  start(): void;
  stop(): Promise<void>;
}

/** A service that can be told that there is work now. */
export interface Wakeable extends Service {
  wake(): void;
}

/**
 * Runs `work` again and again, `intervalMs` after its last run ended, so that runs never overlap; at once where it was
 * woken meanwhile or resolved to true, for "there is more". A failed run is reported and does not end the series.
 */
export function repeating(
  intervalMs: number,
  work: () => Promise<unknown>,
  onError: (error: unknown) => void,
): Wakeable {
  let timer: NodeJS.Timeout | undefined;
  let current: Promise<void> = Promise.resolve();
  let isAwake = false;
  let stopped = false;
  const turn = () => {
    timer = undefined;
    isAwake = false;
    current = work()
      .catch(onError)
      .then((more) => {
        if (!stopped) timer = setTimeout(turn, isAwake || more === true ? 0 : intervalMs);
      });
  };
  return {
    start: turn,
    wake() {
      isAwake = true;
      // While a run is under way there is no timer: its end sees that we are awake.
      if (!timer) return;
      clearTimeout(timer);
      turn();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      timer = undefined;
      await current;
    },
  };
}
