import { parseArgs } from 'node:util';
import { type Config, ConfigError } from '../config.ts';
import { FolderInUseError } from '../store/embedded/lock.ts';
import { type Command, CommandError } from './command.ts';

/** What a command line does to the world. */
export interface Terminal {
  readonly config: () => Config;
  readonly print: (line: string) => void;
  readonly complain: (line: string) => void;
}

const NAME = 'postrider';
/** What is typed to get here. */
const TYPED = 'npm run postrider --';
/** What is meant where nothing is said. */
const DEFAULT = 'serve';

/** Finds the command and runs it. Resolves to the exit code: 0 done, 1 it could not be done, 2 nobody knows what was meant. */
export async function runCommandLine(
  args: readonly string[],
  commands: readonly Command[],
  terminal: Terminal,
): Promise<number> {
  const isHelp = args.some((each) => each === '--help' || each === '-h') || args[0] === 'help';
  const words = args.filter((each) => each !== 'help' || !isHelp);
  const firstOption = words.findIndex((each) => each.startsWith('-'));
  const named = (firstOption === -1 ? words : words.slice(0, firstOption)).join(' ') || (isHelp ? '' : DEFAULT);
  const command = commands.find((each) => each.words === named);
  if (isHelp && named === '') return say(terminal.print, overview(commands), 0);
  if (!command) {
    return say(terminal.complain, [`${NAME}: there is no command "${named}"`, '', ...overview(commands)], 2);
  }
  if (isHelp) return say(terminal.print, manual(command), 0);
  try {
    const values = valuesOf(command, firstOption === -1 ? [] : words.slice(firstOption));
    return await command.run({ config: terminal.config, values, print: terminal.print });
  } catch (error) {
    const code = error instanceof CommandError ? error.exitCode : 1;
    const isExpected = [CommandError, ConfigError, FolderInUseError].some((kind) => error instanceof kind);
    const line = error instanceof Error ? error.message : String(error);
    return say(terminal.complain, [`${NAME}: ${isExpected ? '' : 'it went wrong: '}${line}`], code);
  }
}

function valuesOf(command: Command, args: string[]): Record<string, unknown> {
  try {
    return { ...parseArgs({ args, options: command.options ?? {}, strict: true, allowPositionals: false }).values };
  } catch (error) {
    // The first sentence says what is wrong; the rest is about escaping.
    const reason = error instanceof Error ? error.message.split('. ')[0] : String(error);
    throw new CommandError(`${reason}; see ${TYPED} ${command.words} --help`, 2);
  }
}

function overview(commands: readonly Command[]): string[] {
  const width = Math.max(...commands.map(({ words }) => words.length));
  return [
    `Usage: ${TYPED} [COMMAND] [OPTIONS]`,
    '',
    'Commands:',
    ...commands.map(({ words, summary }) => `  ${words.padEnd(width)}  ${summary}`),
    '',
    `Without a command: ${DEFAULT}. Settings are environment variables (POSTRIDER_…); the command doctor shows those in force.`,
    `More about a command: ${TYPED} COMMAND --help`,
  ];
}

function manual({ words, summary, help }: Command): string[] {
  return [`${NAME} ${words}: ${summary}`, '', ...help.trim().split('\n')];
}

function say(to: (line: string) => void, lines: readonly string[], code: number): number {
  for (const line of lines) to(line);
  return code;
}
