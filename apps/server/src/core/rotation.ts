import type { OldSecret } from './endpoint.ts';

/** Hours for which a secret that was rotated away signs along, unless told. */
export const DEFAULT_OVERLAP_HOURS = 24;
export const MAX_OVERLAP_HOURS = 168;
/** Each costs a signature per request, and a header that a receiver reads: seven key pairs would fill 700 bytes. */
export const MAX_OLD_SECRETS = 5;

/**
 * The secrets that sign along after a rotation. Those before the current one keep their own end; with no overlap nothing but
 * the next secret counts from now on, since whoever asks for that has lost one.
 *
 * @param now milliseconds since 1970.
 * @returns null where there would be too many.
 */
export function oldSecretsAfter(
  current: string,
  old: readonly OldSecret[],
  next: string,
  overlapMs: number,
  now: number,
): OldSecret[] | null {
  if (overlapMs <= 0) return [];
  // One that is taken back is an old one no longer.
  const kept = old.filter(({ secret, until }) => until > now && secret !== next && secret !== current);
  return kept.length < MAX_OLD_SECRETS ? [...kept, { secret: current, until: now + overlapMs }] : null;
}
