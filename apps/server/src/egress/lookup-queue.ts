import { LRUCache } from 'lru-cache';
import { parentOf } from './parent-name.ts';

/**
 * libuv lets half of its threads do `getaddrinfo`, (threads + 1) / 2: 8 of the 16 that scripts/launch.mjs asks for. Two are
 * left to look-ups that are not counted here, such as the database's.
 */
const PLACES = 6;
/** At once of one parent, once it has answered quickly; one that nothing is known of has a single place. */
const PLACES_OF_PARENT = 2;
/** At once of all parents that were silent lately. */
const PLACES_OF_SILENT = 2;
/** A name server that is there answers within this; the system asks each of its resolvers for 5 s, and then again. */
const SILENT_AFTER_MS = 2_000;
/** For so long after it a silence is held against a parent. */
const SILENT_FOR_MS = 30_000;
const MAX_PARENTS = 10_000;

/** How the last look-up of a parent's names that ended went. */
interface LastEnd {
  readonly isSilent: boolean;
  readonly at: number;
}

/**
 * Which name is looked up next. A look-up cannot be taken back: its thread is gone until the system gives up on the name, be
 * it 20 s later. So what must be kept is room:
 *
 * - names wait by parent, and parents take turns;
 * - a parent has a place or two, and none besides one that has been unanswered for 2 s;
 * - parents that were silent within the last 30 s have two places together, however many they are.
 *
 * So names of one silent server hold two of six places at most, and whoever has six of them holds all six once, and then two.
 * Times are milliseconds of any clock that does not go back.
 */
export class LookupQueue {
  /** By parent, the next one's turn first. None is empty. */
  readonly #waiting = new Map<string, Set<string>>();
  /** By parent: since when each name is being looked up. None is empty. */
  readonly #running = new Map<string, Map<string, number>>();
  readonly #lastEnds = new LRUCache<string, LastEnd>({ max: MAX_PARENTS });

  add(name: string): void {
    const parent = parentOf(name);
    const names = this.#waiting.get(parent);
    if (names) names.add(name);
    else this.#waiting.set(parent, new Set([name]));
  }

  /** @returns whether it was still waiting. */
  remove(name: string): boolean {
    const parent = parentOf(name);
    const names = this.#waiting.get(parent);
    if (!names?.delete(name)) return false;
    if (names.size === 0) this.#waiting.delete(parent);
    return true;
  }

  /** A name to be looked up now, or null while none may be; to be asked again until it is null. */
  take(now: number): string | null {
    if (countOf(this.#running) >= PLACES) return null;
    for (const [parent, names] of this.#waiting) {
      const [name] = names;
      if (name === undefined || !this.#hasPlace(parent, now)) continue;
      names.delete(name);
      // Behind the others.
      this.#waiting.delete(parent);
      if (names.size > 0) this.#waiting.set(parent, names);
      this.#running.set(parent, (this.#running.get(parent) ?? new Map()).set(name, now));
      return name;
    }
    return null;
  }

  /** The look-up of a name that was taken has ended, whatever the answer. */
  end(name: string, now: number): void {
    const parent = parentOf(name);
    const running = this.#running.get(parent);
    const since = running?.get(name);
    if (!running || since === undefined) return;
    running.delete(name);
    if (running.size === 0) this.#running.delete(parent);
    this.#lastEnds.set(parent, { isSilent: now - since >= SILENT_AFTER_MS, at: now });
  }

  get size(): { readonly waiting: number; readonly running: number } {
    return { waiting: countOf(this.#waiting), running: countOf(this.#running) };
  }

  #hasPlace(parent: string, now: number): boolean {
    const running = this.#running.get(parent);
    if (running) {
      const isQuick = this.#lastEnds.get(parent)?.isSilent === false;
      return isQuick && running.size < PLACES_OF_PARENT && !isUnanswered(running, now);
    }
    return !this.#wasSilent(parent, now) || this.#placesOfSilent(now) < PLACES_OF_SILENT;
  }

  #placesOfSilent(now: number): number {
    return [...this.#running].reduce(
      (sum, [parent, running]) =>
        isUnanswered(running, now) || this.#wasSilent(parent, now) ? sum + running.size : sum,
      0,
    );
  }

  #wasSilent(parent: string, now: number): boolean {
    const last = this.#lastEnds.get(parent);
    return last?.isSilent === true && now - last.at < SILENT_FOR_MS;
  }
}

function isUnanswered(running: ReadonlyMap<string, number>, now: number): boolean {
  return [...running.values()].some((since) => now - since >= SILENT_AFTER_MS);
}

function countOf(byParent: ReadonlyMap<string, { readonly size: number }>): number {
  return [...byParent.values()].reduce((sum, { size }) => sum + size, 0);
}
