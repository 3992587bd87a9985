import { COMMANDS } from '../../src/commands/all.ts';
import { runCommandLine } from '../../src/commands/command-line.ts';
import { readConfig } from '../../src/config.ts';

/** Runs `postrider …` in this process with these settings, and says what came of it. */
export async function postrider(line: string, env: Readonly<Record<string, string>>) {
  const output: string[] = [];
  const complaints: string[] = [];
  const code = await runCommandLine(line.split(' '), COMMANDS, {
    config: () => readConfig(env),
    print: (each) => output.push(each),
    complain: (each) => complaints.push(each),
  });
  return { code, output, complaints };
}
