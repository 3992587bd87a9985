/** What an application has said to an event type. */
export interface Subscription {
  readonly isSubscribed: boolean;
  /** 1 at first, one more each time that it is said anew, even where that is the same again. */
  readonly version: number;
}

export interface SubscriptionWish {
  readonly action: 'SUBSCRIBE' | 'UNSUBSCRIBE';
  /** The version that the caller knows, null where it knows of none; undefined: whatever there is. */
  readonly version: number | null | undefined;
}

export type SubscriptionVerdict =
  | { readonly kind: 'done'; readonly subscription: Subscription }
  /** Somebody was faster. */
  | { readonly kind: 'conflict' }
  | { readonly kind: 'unknown_event_type' };

/**
 * Decides on one wish. Versions make it optimistic: of several callers who know the same version one gets its wish, and
 * the others hear that they know too little.
 *
 * @param current what was said before; null for nothing.
 * @param isOffered the event type may be subscribed to. One that no longer may can still be unsubscribed from.
 */
export function decideSubscription(
  current: Subscription | null,
  { action, version }: SubscriptionWish,
  isOffered: boolean,
): SubscriptionVerdict {
  if (!isOffered && !(current && action === 'UNSUBSCRIBE')) return { kind: 'unknown_event_type' };
  if (version !== undefined && version !== (current?.version ?? null)) return { kind: 'conflict' };
  const subscription = { isSubscribed: action === 'SUBSCRIBE', version: (current?.version ?? 0) + 1 };
  return { kind: 'done', subscription };
}
