import { timingSafeEqual } from 'node:crypto';

/** Whether one of the offered signatures is this one; how far one of them is right cannot be measured. */
export function isOffered(offered: readonly Buffer[], expected: string): boolean {
  const wanted = Buffer.from(expected);
  // The length of a signature is no secret, and timingSafeEqual throws on two lengths.
  return offered.some((signature) => signature.length === wanted.length && timingSafeEqual(signature, wanted));
}
