import type { Home } from './home.ts';
import type { Child } from './processes.ts';
import type { Stage } from './stage.ts';

/** Lends the database of a home, on which no engine runs, to children/stored.ts. */
export async function withStored<Result>(
  stage: Stage,
  home: Home,
  work: (stored: Child) => Promise<Result>,
): Promise<Result> {
  const stored = await openStored(stage, home);
  const result = await work(stored);
  await closeStored(stored);
  return result;
}

export async function openStored(stage: Stage, home: Home): Promise<Child> {
  const stored = await stage.child('stored');
  await stored.ask('open', { target: home.target });
  return stored;
}

export async function closeStored(stored: Child): Promise<void> {
  await stored.ask('close');
  stored.stop();
}
