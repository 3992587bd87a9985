import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isInstalled, LANGUAGES } from '../apps/server/test/docs/languages.ts';
import { hasBrowser } from '../apps/server/test/kit/browser.ts';
import { missing as noRabbit } from '../packages/queues/test/brokers/amqp.ts';
import { missing as noKafka } from '../packages/queues/test/brokers/kafka.ts';
import { missing as noNats } from '../packages/queues/test/brokers/nats.ts';
import { missing as noPubSub } from '../packages/queues/test/brokers/pubsub.ts';
import { missing as noRedis } from '../packages/queues/test/brokers/redis.ts';
import { missing as noElasticMq } from '../packages/queues/test/brokers/sqs.ts';
import { brokerTable } from './broker-table.ts';

/**
 * `npm test`: types, lint, then every test; shows what each broker can, lists what was not run and why, and ends in one line,
 * `tests: N passed, N failed, N skipped`. Arguments go to Vitest: `npm test -- apps/server/test/egress`.
 */
const root = dirname(import.meta.dirname);
const bin = join(root, 'node_modules', '.bin');

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
let brokers = '';
count(step('types', 'tsc', ['--noEmit']));
count(step('lint', 'biome', ['check', '--error-on-warnings', '.']));
add(runTests(process.argv.slice(2)));

const notRun = reasonsNotRun();
process.stdout.write(notRun.length > 0 ? `\nNot run:\n${notRun.map((reason) => `- ${reason}\n`).join('')}` : '');
process.stdout.write(brokers);
process.stdout.write(`\ntests: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
process.exitCode = counts.failed > 0 ? 1 : 0;

/** Runs one program of ours with its output in view; true where it succeeded. */
function step(title: string, program: string, args: readonly string[]): boolean {
  process.stdout.write(`\n${title}\n`);
  const { status } = spawnSync(join(bin, program), args, { stdio: ['ignore', 'inherit', 'inherit'], cwd: root });
  return status === 0;
}

function runTests(args: readonly string[]): Counts {
  const folder = mkdtempSync(join(tmpdir(), 'postrider-tests-'));
  const report = join(folder, 'report.json');
  const passed = step('tests', 'vitest', [
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile=${report}`,
    ...args,
  ]);
  try {
    const result = JSON.parse(readFileSync(report, 'utf8'));
    brokers = brokerTable(result.testResults);
    return {
      passed: result.numPassedTests,
      // A file that does not even load has no failed test, and has failed.
      failed: result.numFailedTests || (passed ? 0 : 1),
      skipped: result.numPendingTests + result.numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What this machine has nothing to run with, and how to get it. */
function reasonsNotRun(): string[] {
  const postgres =
    'the PostgreSQL half of the storage and delivery tests: POSTRIDER_TEST_DATABASE_URL is not set (any empty server will do)';
  return [
    ...(process.env.POSTRIDER_TEST_DATABASE_URL ? [] : [postgres]),
    ...[noRedis, noNats, noRabbit, noKafka, noPubSub, noElasticMq].filter((reason) => reason !== null),
    ...(hasBrowser ? [] : ['pages in a browser: there is no Chromium (apt-get install chromium)']),
    ...LANGUAGES.filter((language) => !isInstalled(language)).map(
      ({ name, needs }) => `the verification code in ${name}: there is no ${needs.program} (${needs.from})`,
    ),
  ];
}

function count(passed: boolean): void {
  add(passed ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 });
}

function add(more: Counts): void {
  counts.passed += more.passed;
  counts.failed += more.failed;
  counts.skipped += more.skipped;
}
