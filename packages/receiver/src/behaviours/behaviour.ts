import type { Verdict } from '../record.ts';

export interface BehaviourRequest {
  /** Without the query: `/fail-times/3/acme`. */
  readonly path: string;
  /** What follows the name of the behaviour: `['3', 'acme']`. What it does not read is a label. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  readonly webhookId: string | undefined;
  /** Undefined in the record mode `none`. */
  readonly verdict: Verdict | undefined;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly delayMs?: number;
  /** Held until this settles: lets a test stop a delivery half way and let it go on. */
  readonly until?: Promise<unknown>;
}

export type Answer = Reply | 'silence';

/** Decides; the server acts on it. */
export type Behaviour = (request: BehaviourRequest) => Answer;

export const OK: Reply = { status: 200, body: 'ok\n' };

/** What a mistyped URL gets: a test must not pass because a behaviour guessed. */
export function misuse(explanation: string): Reply {
  return { status: 400, body: `${explanation}\n` };
}

/** A whole number of the path or the query, or undefined if it is not one between `min` and `max`. */
export function wholeNumber(text: string | null | undefined, min: number, max: number): number | undefined {
  if (!text || !/^\d{1,10}$/.test(text)) return undefined;
  const number = Number(text);
  return number >= min && number <= max ? number : undefined;
}
