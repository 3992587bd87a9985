import { setFlagsFromString } from 'node:v8';
import { type Config, ConfigError, readConfig } from './config.ts';
import { createLog } from './log.ts';
import { type Postrider, startPostrider } from './postrider.ts';
import { FolderInUseError } from './store/embedded/lock.ts';

/** The process: settings in, signals handled, one line on the error output for a start that cannot be. */

// V8 lets its heap grow to several times what lives in it before it cleans up. Two and a half times what lives is
// enough: the peak under load is 275 MB instead of 339, for no more CPU than two runs differ by (with 100: 260 MB, and a
// tenth more CPU).
setFlagsFromString('--heap-growing-percent=150');

function settings(): Config {
  try {
    return readConfig();
  } catch (error) {
    if (error instanceof ConfigError) fail(error.message);
    throw error;
  }
}

function fail(line: string): never {
  process.stderr.write(`postrider: ${line}\n`);
  process.exit(1);
}

const config = settings();
const log = createLog(config.logLevel);

const starting = startPostrider(config, log);

// Before anything else happens: a process manager may change its mind while we start, and as process 1 of a container
// we would not even hear a signal that has no handler.
let isStopping = false;
function stop(signal: NodeJS.Signals): void {
  // The second signal is a person who will not wait.
  if (isStopping) process.exit(1);
  isStopping = true;
  log.info({ signal }, 'stopping');
  starting
    .then((postrider) => postrider.stop())
    .then(
      () => process.exit(0),
      (error: unknown) => fail(`did not stop cleanly: ${error instanceof Error ? error.message : String(error)}`),
    );
}
process.on('SIGTERM', stop);
process.on('SIGINT', stop);

let postrider: Postrider;
try {
  postrider = await starting;
} catch (error) {
  if (error instanceof ConfigError || error instanceof FolderInUseError) fail(error.message);
  fail(`cannot start: ${error instanceof Error ? error.message : String(error)}`);
}
log.info(
  { url: postrider.url, roles: [...config.roles], database: config.databaseUrl ? 'postgresql' : 'embedded' },
  'ready',
);
