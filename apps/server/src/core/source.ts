/** Where events come in from outside: queues of brokers. */

export const SOURCE_STATUSES = ['active', 'paused'] as const;
export type SourceStatus = (typeof SOURCE_STATUSES)[number];

/** Why a source is paused. */
export type PausedReason = 'by_request' | 'too_many_rejections';

/** Refused messages that are kept for a source: with more, it pauses. */
export const MAX_REJECTIONS = 10_000;
