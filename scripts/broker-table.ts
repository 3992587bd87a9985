/** Of Vitest's JSON report, what is needed here. */
interface TestFile {
  readonly status: string;
  readonly assertionResults: readonly {
    readonly ancestorTitles: readonly string[];
    readonly title: string;
    readonly status: string;
    readonly meta: { readonly version?: string; readonly notRun?: string };
  }[];
}

interface Broker {
  version: string | null;
  /** Why none of its checks was run. */
  notRun: string | null;
  readonly results: Map<string, string>;
}

/** All there are, whether they were tested or not. */
const BROKERS = [
  'memory',
  'postgres',
  'redis',
  'nats',
  'amqp',
  'kafka',
  'pubsub',
  'sqs',
  'sqs-standard',
  'azure',
  'azure-sessions',
] as const;
/** As the suites of packages/queues/test/conformance are named, after the kind of broker. */
const SUITES = ['a queue', 'refusals'];
const CHECK_WIDTH = 62;

/** What each broker passed of the conformance suite, with its version. Empty where none was tested. */
export function brokerTable(files: readonly TestFile[]): string {
  const brokers = new Map<string, Broker>(
    BROKERS.map((kind) => [kind, { version: null, notRun: null, results: new Map() }]),
  );
  const reasons: string[] = [];
  for (const { status: ofFile, assertionResults } of files) {
    for (const { ancestorTitles, title, status, meta } of assertionResults) {
      const [kind = '', suite = ''] = split(ancestorTitles[0] ?? '');
      const broker = brokers.get(kind);
      if (!broker) continue;
      if (meta.version !== undefined) broker.version = meta.version;
      if (!SUITES.includes(suite)) {
        broker.notRun = suite;
        continue;
      }
      const result = resultOf(ofFile, status, meta.notRun, reasons);
      if (result) broker.results.set(title, result);
    }
  }
  const tested = [...brokers].filter(([, { results }]) => results.size > 0);
  if (tested.length === 0) return '';
  const checks = [...new Set(tested.flatMap(([, { results }]) => [...results.keys()]))];
  const widths = tested.map(([kind]) => Math.max(kind.length, 'not run 1'.length));
  const line = (first: string, cells: readonly string[]) =>
    `${first.padEnd(CHECK_WIDTH)}  ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}`.trimEnd();
  const lines = [
    'Brokers',
    ...[...brokers].map(([kind, broker]) => `  ${kind.padEnd(16)}${stateOf(broker)}`),
    '',
    line(
      'Check',
      tested.map(([kind]) => kind),
    ),
    ...checks.map((check) =>
      line(
        shortened(check),
        tested.map(([, { results }]) => results.get(check) ?? '–'),
      ),
    ),
    ...(reasons.length > 0 ? [''] : []),
    ...reasons.map((reason, at) => `not run ${at + 1}: ${reason}`),
  ];
  return `\n${lines.join('\n')}\n`;
}

function stateOf({ version, notRun, results }: Broker): string {
  if (results.size > 0) return version ?? 'did not start';
  return `not run: ${notRun ?? 'its tests were not among those that were to be run'}`;
}

/** Null where it was not to be run. @param reasons each once; grows. */
function resultOf(ofFile: string, status: string, notRun: string | undefined, reasons: string[]): string | null {
  if (status === 'passed') return 'passed';
  if (notRun !== undefined) {
    if (!reasons.includes(notRun)) reasons.push(notRun);
    return `not run ${reasons.indexOf(notRun) + 1}`;
  }
  // One that was skipped in a file that failed had no broker to run on.
  return status === 'failed' || ofFile === 'failed' ? 'FAILED' : null;
}

/** `kind: what`. */
function split(title: string): string[] {
  const at = title.indexOf(': ');
  return at < 0 ? [] : [title.slice(0, at), title.slice(at + 2)];
}

function shortened(check: string): string {
  return check.length <= CHECK_WIDTH ? check : `${check.slice(0, CHECK_WIDTH - 1)}…`;
}
