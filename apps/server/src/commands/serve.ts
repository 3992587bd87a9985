import { type Config, ConfigError, unknownSettings } from '../config.ts';
import { startIsOver } from '../heap.ts';
import { createLog } from '../log.ts';
import { type Postrider, startPostrider } from '../postrider.ts';
import { FolderInUseError } from '../store/embedded/lock.ts';
import { type Command, CommandError } from './command.ts';

export const serve: Command = {
  words: 'serve',
  summary: 'Run Postrider until it is told to stop (SIGTERM, or Ctrl-C)',
  help: `
Usage: npm run postrider -- serve

Runs the roles of POSTRIDER_ROLES (api, worker and maintenance unless told otherwise) in this process. A first start sets up
the database. A second signal ends it at once, as kill -9 would: nothing accepted is lost by that either.
`,
  async run({ config }) {
    await start(config());
    return 0;
  },
};

/** Signals handled, one line on the error output for a start that cannot be. Resolves once it runs. */
async function start(config: Config): Promise<void> {
  const log = createLog(config.logLevel);
  for (const setting of unknownSettings()) log.warn({ setting }, 'there is no such setting; it is ignored');
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
        (error: unknown) => {
          process.stderr.write(`postrider: did not stop cleanly: ${messageOf(error)}\n`);
          process.exit(1);
        },
      );
  }
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);

  let postrider: Postrider;
  try {
    postrider = await starting;
  } catch (error) {
    if (error instanceof ConfigError || error instanceof FolderInUseError) throw error;
    throw new CommandError(`cannot start: ${messageOf(error)}`);
  }
  startIsOver();
  log.info(
    { url: postrider.url, roles: [...config.roles], database: config.databaseUrl ? 'postgresql' : 'embedded' },
    'ready',
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
