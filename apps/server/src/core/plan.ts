/** What a plan allows. Null: no limit. */
export interface Limits {
  /** Calls of one API key in a minute of UTC. */
  readonly requestsPerMinute: number | null;
  /** Messages of one application in a calendar month of UTC. */
  readonly eventsPerMonth: number | null;
}

/** The plans of product.md, A2. */
export const PLANS = {
  free: { requestsPerMinute: 100, eventsPerMonth: 10_000 },
  unlimited: { requestsPerMinute: null, eventsPerMonth: null },
} as const satisfies Record<string, Limits>;

export type Plan = keyof typeof PLANS;
