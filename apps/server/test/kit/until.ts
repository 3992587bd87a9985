const PAUSE_MS = 15;

/**
 * Asks again and again until the answer will do: for states that nothing signals to a caller of the API. Rejects with
 * the last answer after `withinMs`.
 */
export async function until<T>(
  ask: () => Promise<T> | T,
  isDone: (value: T) => boolean,
  withinMs = 15_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = await ask();
    if (isDone(value)) return value;
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms; last: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
