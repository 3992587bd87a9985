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
 * Runs `work` again and again, at the next beat of `intervalMs` after its last run ended, so that runs never overlap; at once where
 * it was woken meanwhile or resolved to true, for "there is more". A failed run is reported and does not end the series.
 *
 * @param work told by its signal when to stop: one that takes long looks at it between two steps.
 */
export function repeating(
  intervalMs: number,
  work: (signal: AbortSignal) => Promise<unknown>,
  onError: (error: unknown) => void,
): Wakeable {
  let timer: NodeJS.Timeout | undefined;
  let current: Promise<void> = Promise.resolve();
  let isAwake = false;
  const stopping = new AbortController();
  const turn = () => {
    timer = undefined;
    isAwake = false;
    current = work(stopping.signal)
      .catch(onError)
      .then((more) => {
        if (!stopping.signal.aborted) timer = setTimeout(turn, isAwake || more === true ? 0 : untilBeat(intervalMs));
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
      stopping.abort();
      clearTimeout(timer);
      timer = undefined;
      await current;
    },
  };
}

/**
 * How long to wait, ms, to go on at a multiple of the interval: half of it at least, one and a half at most. What goes by the same
 * interval, or one that divides it, wakes an idle process together and not each for itself: that is a good part of what idling costs.
 *
 * @param nowMs of the clock that all of them go by, `performance.now()`.
 */
export function untilBeat(intervalMs: number, nowMs = performance.now()): number {
  const sinceBeat = nowMs % intervalMs;
  return sinceBeat > intervalMs / 2 ? 2 * intervalMs - sinceBeat : intervalMs - sinceBeat;
}
