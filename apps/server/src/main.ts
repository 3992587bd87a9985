import './heap.ts';
import { COMMANDS } from './commands/all.ts';
import { runCommandLine } from './commands/command-line.ts';
import { readConfig } from './config.ts';

/** The process: what it was told to do, done. */

const code = await runCommandLine(process.argv.slice(2), COMMANDS, {
  config: () => readConfig(),
  print: (line) => process.stdout.write(`${line}\n`),
  complain: (line) => process.stderr.write(`${line}\n`),
});
// What failed may have left something running; what serves goes on.
if (code === 0) process.exitCode = 0;
else process.exit(code);
