import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Another process has the folder open. Two engines on one folder would destroy it. */
export class FolderInUseError extends Error {
  constructor(folder: string) {
    super(
      `the data folder ${folder} is in use by another Postrider process; stop that one, choose another folder with ` +
        'POSTRIDER_DATA_DIR, or share one database between processes with POSTRIDER_DATABASE_URL',
    );
    this.name = 'FolderInUseError';
  }
}

/**
 * Locks a folder for as long as this process lives. The lock is SQLite's file lock, held by the kernel: it goes with the
 * process however that ends (a pid file would survive `kill -9`), and Node has no flock of its own.
 *
 * @returns what gives the folder back.
 * @throws FolderInUseError
 */
export function lockFolder(folder: string): () => void {
  const lock = new DatabaseSync(join(folder, 'lock'), { timeout: 0 });
  try {
    lock.exec('pragma journal_mode = delete; begin exclusive');
  } catch (error) {
    lock.close();
    if (error instanceof Error && /locked|busy/.test(error.message)) throw new FolderInUseError(folder);
    throw error;
  }
  return () => lock.close();
}
