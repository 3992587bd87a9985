/** Where events come in from outside: queues of brokers. */

export type SourceStatus = 'active' | 'paused';

/** Why a source is paused. */
export type PausedReason = 'by_request' | 'too_many_rejections';

/** Refused messages that are kept for a source: with more, it pauses. */
export const MAX_REJECTIONS = 10_000;
