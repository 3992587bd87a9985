import { existsSync } from 'node:fs';
import type { QueueUrl } from '@postrider/queues/from-url';
import { type Config, databaseTarget, settingsInForce, unknownSettings } from '../config.ts';
import { SealError, Vault } from '../crypto/vault.ts';
import { readMasterKeys } from '../master-key.ts';
import { type Database, openDatabase, statement } from '../store/database.ts';
import { FolderInUseError } from '../store/embedded/lock.ts';
import { listEnvironments } from '../store/environment.ts';
import { pendingMigrations } from '../store/migrate.ts';
import { tenancyRemedy } from '../store/tenancy.ts';
import type { Command } from './command.ts';

export const doctor: Command = {
  words: 'doctor',
  summary: 'Show all settings in force, secrets masked, and whether Postrider can run with them',
  help: `
Usage: npm run postrider -- doctor

Prints every setting as it is in force here, and looks at the database and the master key without changing either. Exits with
1 where something stands in the way.
`,
  async run({ config, print }) {
    const settings = config();
    const lines = settingsInForce(settings);
    const width = Math.max(...lines.map(([name]) => name.length));
    for (const [name, value, isDefault] of lines) {
      print(`${name.padEnd(width)}  ${value}${isDefault ? '  (default)' : ''}`);
    }
    for (const name of unknownSettings()) print(`${name}  ignored: there is no such setting`);
    print('');
    let isWell = true;
    for await (const finding of findings(settings)) {
      isWell &&= !finding.isFault;
      print(`${finding.isFault ? 'FAULT' : 'ok'}  ${finding.text}`);
    }
    return isWell ? 0 : 1;
  },
};

interface Finding {
  readonly isFault: boolean;
  readonly text: string;
}
const ok = (text: string): Finding => ({ isFault: false, text });
const fault = (text: string): Finding => ({ isFault: true, text });

async function* findings(config: Config): AsyncGenerator<Finding> {
  yield* databaseFindings(config);
  if (config.queue) yield await queueFinding(config.queue);
}

async function queueFinding({ shown, open }: QueueUrl): Promise<Finding> {
  try {
    const queue = await open();
    const health = await queue.health();
    await queue.close();
    return health.ok
      ? ok(`the broker answers: ${shown}`)
      : fault(`the broker, ${shown}: ${health.reason}; until it answers, deliveries go through the database`);
  } catch (error) {
    return fault(`POSTRIDER_QUEUE_URL: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function* databaseFindings(config: Config): AsyncGenerator<Finding> {
  const target = databaseTarget(config, 1);
  if (target.kind === 'embedded' && !existsSync(target.folder)) {
    yield ok(`no database in ${config.dataDir} yet: the first start makes one`);
    return;
  }
  let db: Database | undefined;
  try {
    db = await openDatabase(target, () => {});
    yield* findingsOn(db, config);
  } catch (error) {
    if (error instanceof FolderInUseError) yield ok('the embedded database is open in a running Postrider');
    else yield fault(`the database: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await db?.close();
  }
}

const version = statement<{ version: string }>('', `select current_setting('server_version') as version`);

async function* findingsOn(db: Database, config: Config): AsyncGenerator<Finding> {
  const [server] = await db.query(version, []);
  yield ok(`the database answers: ${db.kind}, PostgreSQL ${server?.version}`);
  const pending = await pendingMigrations(db);
  if (pending.length > 0) {
    yield ok(`the database lacks ${pending.length} migrations, which the next start runs`);
    return;
  }
  const remedy = await tenancyRemedy(db);
  yield ok(remedy === null ? 'row-level security is on' : `row-level security is off; ${remedy}`);
  yield await masterKeyFinding(db, config);
}

async function masterKeyFinding(db: Database, config: Config): Promise<Finding> {
  const keys = readMasterKeys(config);
  const environments = await listEnvironments(db);
  if (environments.length === 0) return ok('the database is empty: the next start sets it up');
  if (!keys) return fault(`POSTRIDER_MASTER_KEY is unset, and there is no master.key in ${config.dataDir}`);
  const vault = new Vault(...keys);
  try {
    for (const { id, data_key } of environments) vault.unwrap(id, data_key);
  } catch (error) {
    if (error instanceof SealError) return fault(`the master key: ${error.message}`);
    throw error;
  }
  const older = environments.filter(({ data_key }) => !vault.isCurrent(data_key)).length;
  const all = `the master key opens all ${environments.length} environments`;
  return ok(
    older === 0
      ? all
      : `${all}; of ${older}, the data key is to be wrapped by the first: npm run postrider -- keys rewrap`,
  );
}
