import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * How V8 uses memory. To be loaded before anything else, so that all that loads is under it already.
 *
 * What a start loads all lives on, which V8 takes for a reason to have a young generation of 64 MB and to keep it. So it
 * stays at its smallest until there is work, and the old one may not grow by much before it is cleaned up.
 */
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--heap-growing-percent=10');

/** So many collections of the young generation within a second, and there is work. At rest there is one in seconds. */
const AT_WORK = 3;
/** Where there is none for so long after a start, it may be a while. */
const REST_MS = 3_000;

/** From now on collections tell that there is work. */
export function startIsOver(): void {
  let latest: number[] = [];
  const rest = setTimeout(giveBack, REST_MS).unref();
  const collections = new PerformanceObserver((list) => {
    const young = list.getEntries().filter(isOfYoung);
    latest = [...latest, ...young.map(({ startTime }) => startTime)].slice(-AT_WORK);
    const [first = 0] = latest;
    if (latest.length < AT_WORK || (latest.at(-1) ?? 0) - first > 1_000) return;
    collections.disconnect();
    clearTimeout(rest);
    giveRoom();
  });
  collections.observe({ entryTypes: ['gc'] });
}

function isOfYoung(entry: PerformanceEntry): boolean {
  // Its types know the detail of a class that is not there to be asked for.
  return (entry as { detail?: { kind?: number } }).detail?.kind === constants.NODE_PERFORMANCE_GC_MINOR;
}

/**
 * What the start left behind: 130 MB are left of 160, after 60 to 90 ms. Not where there is work already: the compiled
 * code that goes with it is worth a thirtieth of the CPU.
 */
function giveBack(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')({ type: 'major', flavor: 'last-resort' });
}

/**
 * The young generation gets all that it wants: less is more CPU. The old one may grow by seven tenths of what lives in it,
 * where V8 would let it grow to several times that: peaks under load of 270 to 290 MB, and not of 306 to 331, for a
 * twentieth more instructions.
 */
function giveRoom(): void {
  setFlagsFromString('--semi-space-growth-factor=32');
  setFlagsFromString('--heap-growing-percent=70');
}
