import { existsSync } from 'node:fs';
import { type Config, databaseTarget } from '../config.ts';
import { type Database, openDatabase } from '../store/database.ts';
import { pendingMigrations } from '../store/migrate.ts';
import { CommandError } from './command.ts';

/**
 * Lends the database that Postrider has set up. Commands run beside servers and must not change what those live on: a
 * database that is new, or of another version, is for `serve` to see to.
 *
 * @throws CommandError, FolderInUseError where a server has the embedded database open.
 */
export async function onExistingDatabase<T>(config: Config, work: (db: Database) => Promise<T>): Promise<T> {
  const target = databaseTarget(config, 1);
  if (target.kind === 'embedded' && !existsSync(target.folder)) {
    throw new CommandError(`there is no database in ${config.dataDir} yet; start Postrider once`);
  }
  // What breaks is told by the statement that was under way.
  const db = await openDatabase(target, () => {});
  try {
    const pending = await pendingMigrations(db);
    if (pending.length > 0) {
      throw new CommandError(`the database lacks ${pending.join(', ')}; start Postrider of this version once`);
    }
    return await work(db);
  } finally {
    await db.close();
  }
}
