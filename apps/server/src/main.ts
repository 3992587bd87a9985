import './heap.ts';

/** The process: what it was told to do, done. */

// Not at the top: all of that would be loaded before the first line runs.
const [{ COMMANDS }, { runCommandLine }, { readConfig }] = await Promise.all([
  import('./commands/all.ts'),
  import('./commands/command-line.ts'),
  import('./config.ts'),
]);

const code = await runCommandLine(process.argv.slice(2), COMMANDS, {
  config: () => readConfig(),
  print: (line) => process.stdout.write(`${line}\n`),
  complain: (line) => process.stderr.write(`${line}\n`),
});
// What failed may have left something running; what serves goes on.
if (code === 0) process.exitCode = 0;
else process.exit(code);
