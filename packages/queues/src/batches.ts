/** What fits into one request to a broker. */
export interface BatchLimits {
  readonly messages: number;
  readonly bytes: number;
  /** Of the request itself, bytes. */
  readonly overhead?: number;
}

/** In their order, as many at a time as may be. One that is over the limit by itself goes alone. */
export function* batches<T extends { readonly bytes: number }>(
  all: readonly T[],
  { messages, bytes: limit, overhead = 0 }: BatchLimits,
): Generator<readonly T[]> {
  let batch: T[] = [];
  let bytes = overhead;
  for (const each of all) {
    if (batch.length > 0 && (batch.length === messages || bytes + each.bytes > limit)) {
      yield batch;
      batch = [];
      bytes = overhead;
    }
    batch.push(each);
    bytes += each.bytes;
  }
  if (batch.length > 0) yield batch;
}
