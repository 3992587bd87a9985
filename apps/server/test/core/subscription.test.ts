import { expect, test } from 'vitest';
import { decideSubscription, type Subscription, type SubscriptionWish } from '../../src/core/subscription.ts';

const done = (isSubscribed: boolean, version: number) => ({ kind: 'done', subscription: { isSubscribed, version } });
const first: Subscription = { isSubscribed: true, version: 1 };
const [conflict, unknown] = [{ kind: 'conflict' }, { kind: 'unknown_event_type' }];

test.each<[string, Subscription | null, SubscriptionWish['action'], number | null | undefined, object]>([
  ['the first gets version 1', null, 'SUBSCRIBE', undefined, done(true, 1)],
  ['the first may say that it knows of none', null, 'SUBSCRIBE', null, done(true, 1)],
  ['who knows a version of nothing knows too much', null, 'SUBSCRIBE', 1, conflict],
  ['no may be the first word', null, 'UNSUBSCRIBE', undefined, done(false, 1)],
  ['who knows the version gets the next', first, 'UNSUBSCRIBE', 1, done(false, 2)],
  ['who asks for whatever there is gets the next', first, 'UNSUBSCRIBE', undefined, done(false, 2)],
  ['the same again is a change too', first, 'SUBSCRIBE', 1, done(true, 2)],
  ['who knows an older version comes too late', { ...first, version: 3 }, 'UNSUBSCRIBE', 2, conflict],
  ['who knows a newer one as well', first, 'UNSUBSCRIBE', 2, conflict],
  ['who knows of none comes too late', first, 'SUBSCRIBE', null, conflict],
])('%s', (_, current, action, version, verdict) => {
  expect(decideSubscription(current, { action, version }, true)).toEqual(verdict);
});

test('what is not offered cannot be subscribed to, and can be left', () => {
  expect(decideSubscription(null, { action: 'SUBSCRIBE', version: undefined }, false)).toEqual(unknown);
  expect(decideSubscription(null, { action: 'UNSUBSCRIBE', version: undefined }, false)).toEqual(unknown);
  expect(decideSubscription(first, { action: 'SUBSCRIBE', version: 1 }, false)).toEqual(unknown);
  expect(decideSubscription(first, { action: 'UNSUBSCRIBE', version: 1 }, false)).toEqual(done(false, 2));
  expect(decideSubscription(first, { action: 'UNSUBSCRIBE', version: 2 }, false)).toEqual(conflict);
});
