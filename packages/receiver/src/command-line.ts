import { parseArgs } from 'node:util';
import type { RecordMode } from './record.ts';

export const HELP = `postrider-receiver: a webhook receiver to test against, from honest to hostile

  postrider-receiver --secret whsec_…

Open the printed address in a browser to see what arrives. The path of the URL you send to
chooses what happens to the request; anything after it is a label of yours (/ok/customer-1):

  /  /ok                           200 at once
  /verified                        200 if signed by a known secret, else 401
  /status/429?retry-after=7        that status
  /body/8192                       200 with so many bytes
  /slow/250                        200 after so many milliseconds
  /hang                            never answers
  /flaky?fail=0.33&hang=0.02&seed=1   that share of 500s and of silence, else 200
  /fail-times/3?status=503         each webhook-id fails so often, then succeeds
  /redirect?to=URL&status=307      a redirect

Hostile ones (drips, floods, resets, lies) have a port of their own; all are printed at start.

Options
  --host ADDRESS        listen there (127.0.0.1; anything else shows the inbox to the network)
  --port NUMBER         of the pages and the honest paths (4600; 0 for any free one)
  --hostile-port NUMBER of the hostile paths (any free one)
  --secret SECRET       verify with it; again for more; /path=whsec_… for one path only
  --tls                 serve over TLS too: valid, wrong name, expired, self-signed, TLS 1.1, stalled
  --keep NUMBER         requests to keep for the inbox (1000)
  --record MODE         full, count (verify and print, keep nothing) or none (only answer)
  --quiet               do not print a line for each request
  --help                this
`;

export interface CommandLine {
  readonly help: boolean;
  readonly host: string;
  readonly port: number;
  readonly hostilePort: number;
  readonly secrets: Readonly<Record<string, readonly string[]>>;
  readonly tls: boolean;
  readonly keep: number;
  readonly record: RecordMode;
  readonly quiet: boolean;
}

function wholeNumber(flag: string, text: string, max: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(number <= max)) throw new Error(`--${flag} is a whole number of at most ${max}, not ${text}`);
  return number;
}

function recordMode(text: string): RecordMode {
  if (text === 'full' || text === 'count' || text === 'none') return text;
  throw new Error(`--record is full, count or none, not ${text}`);
}

function byPath(secrets: readonly string[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const given of secrets) {
    // Base64 may end in "=", so only what begins as a path is split.
    const [path, secret] = given.startsWith('/')
      ? [given.slice(0, given.indexOf('=')), given.slice(given.indexOf('=') + 1)]
      : ['*', given];
    found[path] = [...(found[path] ?? []), secret];
  }
  return found;
}

/** Throws an Error that says what is wrong with the flags. */
export function readCommandLine(args: readonly string[]): CommandLine {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '4600' },
      'hostile-port': { type: 'string', default: '0' },
      secret: { type: 'string', multiple: true, default: [] },
      tls: { type: 'boolean', default: false },
      keep: { type: 'string', default: '1000' },
      record: { type: 'string', default: 'full' },
      quiet: { type: 'boolean', short: 'q', default: false },
    },
  });
  return {
    help: values.help,
    host: values.host,
    port: wholeNumber('port', values.port, 65_535),
    hostilePort: wholeNumber('hostile-port', values['hostile-port'], 65_535),
    secrets: byPath(values.secret),
    tls: values.tls,
    keep: wholeNumber('keep', values.keep, 1_000_000),
    record: recordMode(values.record),
    quiet: values.quiet,
  };
}
