import { type ChildProcess, fork } from 'node:child_process';

/** A child process that answers questions; see children/answer.ts. */
export interface Child {
  readonly pid: number;
  ask<Answer>(name: string, question?: object): Promise<Answer>;
  stop(): void;
}

/** Starts children/<name>.ts and waits until it is ready. */
export async function startChild(name: string): Promise<Child> {
  const child: ChildProcess = fork(new URL(`./children/${name}.ts`, import.meta.url), { stdio: 'inherit' });
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)));
  });
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
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
        const id = ++lastId;
        waiting.set(id, { resolve, reject });
        child.send({ id, name: question, question: body });
      }),
    stop: () => child.kill('SIGKILL'),
  };
}
