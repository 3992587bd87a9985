// Runs a TypeScript entry on the pinned Node, installing first what is missing. The one file that must run on any
// Node >= 20: `npm start`, `npm test` and `npm run serve` on a bare clone begin here.
//
//   node scripts/launch.mjs ENTRY [ARGUMENTS]
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pinnedNode = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
/** The first Node that runs TypeScript as this code is written. */
const NODE_MAJOR = 26;

if (!isInstalled()) install();
const node = pickNode();
const [entry, ...rest] = process.argv.slice(2);
// Names are looked up on libuv's threads, and on half of them at most: 2 of the 4 that there are, where two dead name servers
// would stop all look-ups. Of 16 it is 8, which apps/server/src/egress/lookup-queue.ts counts on.
// Compiled code is kept, so that the compiler (TypeScript's is 15 MB) is only there for what has changed.
const NODE_COMPILE_CACHE = join(root, 'node_modules', '.cache', 'compile');
const env = { UV_THREADPOOL_SIZE: '16', NODE_COMPILE_CACHE, ...process.env };
const child = spawn(node, [join(root, entry), ...rest], { stdio: 'inherit', cwd: root, env });
// Ctrl-C reaches the whole group by itself; a signal sent to this process alone must be passed on.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));

/** npm writes its own lockfile last: one at least as new as ours means that our lockfile is what is installed. */
function isInstalled() {
  const done = join(root, 'node_modules', '.package-lock.json');
  return existsSync(done) && statSync(done).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
}

function install() {
  process.stderr.write('postrider: installing dependencies (once)\n');
  const arguments_ = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  // Under `npm run`, the very npm that runs us; else the one on the path.
  const npm = process.env.npm_execpath;
  const result = npm
    ? spawnSync(process.execPath, [npm, ...arguments_], { stdio: ['ignore', 2, 2], cwd: root })
    : spawnSync('npm', arguments_, { stdio: ['ignore', 2, 2], cwd: root, shell: process.platform === 'win32' });
  if (result.status !== 0) fail('npm ci failed; its message is above');
}

function pickNode() {
  if (existsSync(pinnedNode)) return pinnedNode;
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR) return process.execPath;
  return fail(`Node ${NODE_MAJOR} was not installed; run \`npm rebuild node\`, or use Node ${NODE_MAJOR} or newer`);
}

function fail(line) {
  process.stderr.write(`postrider: ${line}\n`);
  return process.exit(1);
}
