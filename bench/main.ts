import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Book } from './figure.ts';
import { machine } from './machine.ts';
import { HELP, type Options, readOptions } from './options.ts';
import type { Part } from './part.ts';
import { backbone } from './parts/backbone.ts';
import { bare } from './parts/bare.ts';
import { footprint } from './parts/footprint.ts';
import { growth } from './parts/growth.ts';
import { latency } from './parts/latency.ts';
import { neighbour } from './parts/neighbour.ts';
import { throughput } from './parts/throughput.ts';
import { publish } from './publish.ts';
import { harness, type Report } from './report.ts';
import { Stage } from './stage.ts';
import { tables } from './table.ts';

/** `npm run bench`; options.ts tells what it does. */
const PARTS: readonly Part[] = [bare, throughput, latency, growth, neighbour, footprint, backbone];
const RESULT = join(import.meta.dirname, 'results/latest.json');

const options = optionsOrExit();
if (options.isPublishing) {
  publish(RESULT);
  process.exit(0);
}
const startedAt = new Date();
const facts = machine();
const stage = new Stage(options, new Book(), progress);
let isStopping = false;
stopOnSignal();
await runAll();
await stage.close().catch((error: unknown) => progress(`something was left behind: ${firstLine(String(error))}`));

const report: Report = {
  startedAt: startedAt.toISOString(),
  seconds: secondsSince(startedAt),
  command: ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' '),
  machine: { ...facts, postgresql: stage.serverVersion },
  figures: stage.book.figures,
  failures: stage.book.failures,
};
mkdirSync(dirname(RESULT), { recursive: true });
writeFileSync(RESULT, `${JSON.stringify(report, null, 2)}\n`);
process.stdout.write(`\n${tables(report)}\n${harness(report)}\n`);
process.exit(report.failures.length > 0 ? 1 : 0);

/** What cannot be run is noted in the book, and the rest goes on. */
async function runAll(): Promise<void> {
  for (const part of PARTS.filter(({ name }) => options.parts.includes(name))) {
    for (const database of part.hasDatabase ? options.databases : options.databases.slice(0, 1)) {
      progress(`(${part.name}) ${part.title}${part.hasDatabase ? `, ${database}` : ''}`);
      try {
        await part.run(stage, database);
      } catch (error) {
        // Whatever failed was taken away from it; the end is on its way.
        if (isStopping) return new Promise(() => {});
        const reason = error instanceof Error ? error.message : String(error);
        progress(`(${part.name}) could not be run: ${reason}`);
        const failure = { part: part.name, database: part.hasDatabase ? database : null, reason: firstLine(reason) };
        stage.book.fail(failure, part.targets(database));
        // Whatever it left behind would take part in what comes next.
        await stage.clear().catch(() => {});
      }
    }
  }
}

function optionsOrExit(): Options {
  try {
    const read = readOptions(process.argv.slice(2));
    if (read) return read;
    process.stdout.write(HELP);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}; see --help\n`);
    process.exit(2);
  }
}

/** Once: Ctrl-C comes from the terminal and from the launcher, and a second one must not cut the first one short. */
function stopOnSignal(): void {
  const stop = async (status: number) => {
    if (isStopping) return;
    isStopping = true;
    progress('stopping');
    await stage.close().catch(() => {});
    process.exit(status);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(130));
  process.on('uncaughtException', (error) => {
    progress(error.stack ?? String(error));
    return stop(1);
  });
}

function firstLine(text: string): string {
  return text.split('\n', 1).join();
}

function progress(line: string): void {
  process.stderr.write(`${String(secondsSince(startedAt)).padStart(5)} s  ${line}\n`);
}

function secondsSince(start: Date): number {
  return Math.round((Date.now() - start.getTime()) / 1000);
}
