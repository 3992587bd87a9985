import { type ChildProcess, fork } from 'node:child_process';

/** A child process that answers questions; see children/answer.ts. */
export interface Child {
  readonly pid: number;
  /** Rejects where the child fails to answer, or ends before it did. */
  ask<Answer>(name: string, question?: object): Promise<Answer>;
  stop(): void;
}

/** Starts children/<name>.ts and waits until it is ready. */
export async function startChild(name: string): Promise<Child> {
  const child: ChildProcess = fork(new URL(`./children/${name}.ts`, import.meta.url), { stdio: 'inherit' });
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let ended: Error | undefined;
  child.once('exit', (code, signal) => {
    ended = new Error(`${name} ended with ${signal ?? code}`);
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  });
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', () => reject(ended));
  });
  child.on('message', ({ id, value, error }: { id: number; value: never; error?: string }) => {
    const asked = waiting.get(id);
    waiting.delete(id);
    if (error) asked?.reject(new Error(`${name}: ${error}`));
    else asked?.resolve(value);
  });
  let lastId = 0;
  return {
    pid: child.pid ?? 0,
    ask: (question, body = {}) =>
      new Promise((resolve, reject) => {
        if (ended) return reject(ended);
        const id = ++lastId;
        waiting.set(id, { resolve, reject });
        child.send({ id, name: question, question: body });
      }),
    stop: () => child.kill('SIGKILL'),
  };
}
