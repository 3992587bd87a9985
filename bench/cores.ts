import { availableParallelism } from 'node:os';
import type { Players } from './traffic.ts';
import { busyCpu, processCpu, treeCpu } from './usage.ts';

/** CPU seconds by player, so that one sees where the cores went. The embedded database is inside of the engine. */
export interface CoreTime {
  readonly engine: number;
  /** The engine's event loop alone; the rest is the embedded database, compiler and garbage collector. */
  readonly engineLoop: number;
  readonly database: number;
  readonly receiver: number;
  readonly load: number;
  /** What was spent by nobody of ours, as a share of all cores: how much the round is to be trusted. */
  readonly othersShare: number;
}

/**
 * Begins to watch; what it returns says what was spent since.
 *
 * @param databasePid the postmaster's process, where there is one on this machine.
 */
export function watchCores({ engine, receiver, load }: Players, databasePid: number | null): () => CoreTime {
  const read = () => {
    const { total, mainThread } = processCpu(engine.pid);
    return {
      at: performance.now() / 1000,
      busy: busyCpu(),
      engine: total,
      engineLoop: mainThread,
      database: databasePid === null ? Number.NaN : treeCpu(databasePid),
      receiver: processCpu(receiver.pid).total,
      load: processCpu(load.pid).total,
      bench: process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6,
    };
  };
  const before = read();
  return () => {
    const after = read();
    const spent = (name: keyof typeof before) => after[name] - before[name];
    const ours =
      spent('engine') +
      spent('receiver') +
      spent('load') +
      spent('bench') +
      (databasePid === null ? 0 : spent('database'));
    return {
      engine: spent('engine'),
      engineLoop: spent('engineLoop'),
      database: spent('database'),
      receiver: spent('receiver'),
      load: spent('load'),
      othersShare: Math.max(0, spent('busy') - ours) / (spent('at') * availableParallelism()),
    };
  };
}
