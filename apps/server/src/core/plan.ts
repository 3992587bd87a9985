/** What a plan allows. Null: no limit. */
export interface Limits {
  /** Calls of one API key in a minute of UTC. */
  readonly requestsPerMinute: number | null;
  /** Messages of one application in a calendar month of UTC. */
  readonly eventsPerMonth: number | null;
}

/** The plans, as docs/limits.md shows them. */
export const PLANS = {
  free: { requestsPerMinute: 100, eventsPerMonth: 10_000 },
  unlimited: { requestsPerMinute: null, eventsPerMonth: null },
} as const satisfies Record<string, Limits>;

export type Plan = keyof typeof PLANS;

/**
 * What a key may call in a minute; null: without limit. A limit of its own can lower what the plan allows and not raise
 * it.
 */
export function requestsPerMinute(plan: Plan, own: number | null): number | null {
  const allowed = PLANS[plan].requestsPerMinute;
  if (own === null || allowed === null) return own ?? allowed;
  return Math.min(own, allowed);
}

/**
 * Messages that an application may have in a month; null: without limit. A limit of its own counts instead of its plan's,
 * and its own plan instead of its environment's.
 */
export function eventsPerMonth(
  of: { readonly plan: Plan | null; readonly monthly_event_limit: number | null },
  environmentPlan: Plan,
): number | null {
  return of.monthly_event_limit ?? PLANS[of.plan ?? environmentPlan].eventsPerMonth;
}
