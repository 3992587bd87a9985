/** The child's half of processes.ts: answers each named question over the IPC channel, then waits for the next. */
// A table of questions is as heterogeneous as their arguments.
type Answers = Record<string, (question: never) => Promise<unknown>>;

export function answer(answers: Answers): void {
  process.on('message', async ({ id, name, question }: { id: number; name: string; question: never }) => {
    try {
      process.send?.({ id, value: await answers[name]?.(question) });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  // Nobody asks any more.
  process.on('disconnect', () => process.exit());
  process.send?.('ready');
}
