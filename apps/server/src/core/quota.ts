/**
 * Which of these fit into what is left of a quota: first come, first served, and each whole or not at all. What does not
 * fit leaves its room to those after it.
 *
 * @param left below 0 where the quota was lowered under what is used.
 */
export function granted(left: number, sizes: readonly number[]): boolean[] {
  let rest = left;
  return sizes.map((size) => {
    if (size > rest) return false;
    rest -= size;
    return true;
  });
}
