import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type Scheme = 'standard' | 'ed25519' | 'hmac-hex';

/** A received request, and what its receiver knows. */
export interface Request {
  readonly scheme: Scheme;
  /** Base64. */
  readonly body: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly brand: string;
}

export interface Language {
  readonly name: string;
  /** What must be installed, and how it is. */
  readonly needs: { readonly program: string; readonly from: string };
  /** Those that its standard library can verify. */
  readonly schemes: readonly Scheme[];
  /** In docs/verify/. */
  readonly file: string;
  readonly run: (code: string) => Promise<{ readonly command: readonly string[]; readonly folder?: string }>;
}

export const VERIFY_FOLDER = fileURLToPath(new URL('../../../../docs/verify/', import.meta.url));
const runner = (name: string) => fileURLToPath(new URL(`runners/${name}`, import.meta.url));
const all: readonly Scheme[] = ['standard', 'ed25519', 'hmac-hex'];

export const LANGUAGES: readonly Language[] = [
  {
    name: 'Node',
    needs: { program: process.execPath, from: 'it runs the tests' },
    schemes: all,
    file: 'verify.mjs',
    run: async (code) => ({ command: [process.execPath, runner('run.mjs'), code] }),
  },
  {
    name: 'Python',
    needs: { program: 'python3', from: 'apt-get install python3' },
    schemes: ['standard', 'hmac-hex'],
    file: 'verify.py',
    run: async (code) => ({ command: ['python3', runner('run.py'), code] }),
  },
  {
    name: 'PHP',
    needs: { program: 'php', from: 'apt-get install php-cli' },
    schemes: all,
    file: 'verify.php',
    run: async (code) => ({ command: ['php', runner('run.php'), code] }),
  },
  {
    name: 'Ruby',
    needs: { program: 'ruby', from: 'apt-get install ruby' },
    schemes: all,
    file: 'verify.rb',
    run: async (code) => ({ command: ['ruby', runner('run.rb'), code] }),
  },
  {
    name: 'Go',
    needs: { program: 'go', from: 'apt-get install golang-go' },
    schemes: all,
    file: 'verify.go',
    // Go runs whole modules only.
    run: async (code) => {
      const folder = mkdtempSync(join(tmpdir(), 'postrider-verify-'));
      mkdirSync(join(folder, 'postriderwebhook'));
      copyFileSync(code, join(folder, 'postriderwebhook', 'verify.go'));
      copyFileSync(runner('main.go'), join(folder, 'main.go'));
      writeFileSync(join(folder, 'go.mod'), 'module docs\n\ngo 1.19\n');
      return { command: ['go', 'run', '.'], folder };
    },
  },
];

export function isInstalled({ needs }: Language): boolean {
  return spawnSync(needs.program, [needs.program === 'go' ? 'version' : '--version']).status === 0;
}

/** What the language's code says of each request: `ok`, or why it refuses. */
export async function verdictsOf(language: Language, requests: readonly Request[]): Promise<string[]> {
  const { command, folder } = await language.run(join(VERIFY_FOLDER, language.file));
  const [program = '', ...args] = command;
  try {
    const child = spawn(program, args, { ...(folder && { cwd: folder }), stdio: ['pipe', 'pipe', 'pipe'] });
    let [output, complaint] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    child.stdin.end(JSON.stringify(requests));
    const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
    if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${complaint}${output}`);
    return JSON.parse(output);
  } finally {
    if (folder) rmSync(folder, { recursive: true, force: true });
  }
}
