import type { Subscription, SubscriptionVerdict } from '../../core/subscription.ts';
import { PROBLEMS, type ProblemCode } from '../../errors.ts';
import type { OfferRow } from '../../store/subscription.ts';
import type { Wish } from './schema.ts';

/** A wish, what became of it, and what the application has said now. */
export interface Outcome {
  readonly wish: Wish;
  readonly verdict: SubscriptionVerdict;
  readonly now: Subscription | null;
}

const REFUSALS: Readonly<Record<Exclude<SubscriptionVerdict['kind'], 'done'>, [code: ProblemCode, detail: string]>> = {
  conflict: ['subscription_conflict', 'somebody has changed this subscription since; look at it, and ask again'],
  unknown_event_type: ['not_found', 'no such event type'],
};

export function presentOffer(row: OfferRow) {
  const { name, description, group_name, is_subscribed, version } = row;
  return {
    event: { type: name, name, description, group: group_name },
    subscription: is_subscribed === null ? ('NONE' as const) : wordOf(is_subscribed),
    metadata: metadataOf(version),
  };
}

export function presentOutcome({ wish: { event_type }, verdict, now }: Outcome) {
  const metadata = metadataOf(now?.version ?? null);
  if (verdict.kind === 'done') return { event_type, status: 200, metadata };
  const [code, detail] = REFUSALS[verdict.kind];
  return { event_type, status: PROBLEMS[code].status, metadata, error: { code, detail } };
}

function wordOf(isSubscribed: boolean) {
  return isSubscribed ? ('SUBSCRIBED' as const) : ('UNSUBSCRIBED' as const);
}

function metadataOf(version: number | null) {
  return version === null ? {} : { version };
}
