import type { ParseArgsConfig } from 'node:util';
import type { Config } from '../config.ts';

/** One thing that `postrider` can be told to do. */
export interface Command {
  /** By which it is called: `keys rewrap`. */
  readonly words: string;
  /** One line in the list of all. */
  readonly summary: string;
  /** What `--help` says besides. */
  readonly help: string;
  readonly options?: NonNullable<ParseArgsConfig['options']>;
  /** Resolves to the exit code, or while a server goes on running. @throws CommandError */
  run(context: CommandContext): Promise<number>;
}

export interface CommandContext {
  /** Read when it is asked for: help needs no settings. @throws ConfigError */
  readonly config: () => Config;
  /** As the command's options say they are. */
  readonly values: Readonly<Record<string, unknown>>;
  /** A line of its output. */
  readonly print: (line: string) => void;
}

/** Why a command cannot do what it was told, in one line for whoever told it. */
export class CommandError extends Error {
  readonly exitCode: number;

  /** @param exitCode 2 where it was called wrongly. */
  constructor(line: string, exitCode = 1) {
    super(line);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}
