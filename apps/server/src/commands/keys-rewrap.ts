import { newId, publicId } from '../core/ids.ts';
import { SealError, Vault } from '../crypto/vault.ts';
import { readMasterKeys } from '../master-key.ts';
import { insertAuditEntry } from '../store/audit.ts';
import type { Database } from '../store/database.ts';
import { type EnvironmentRow, listEnvironments, lockDataKey, replaceDataKey } from '../store/environment.ts';
import { type Command, CommandError } from './command.ts';
import { onExistingDatabase } from './existing-database.ts';

export const keysRewrap: Command = {
  words: 'keys rewrap',
  summary: 'Wrap every data key with the first master key',
  help: `
Usage: npm run postrider -- keys rewrap

To take a new master key into use, without a stop:
  1. Make one (openssl rand -base64 32) and put it before the old one, with a comma between, in POSTRIDER_MASTER_KEY of
     every process (or in the file master.key of the data folder); restart them one by one. The first wraps, all open.
  2. This command, with the same setting. It runs beside the servers; on the embedded database, stop it first.
  3. Leave the old one out, and restart again. Keep it for as long as you keep backups that it opens.

Secrets themselves stay as they are: they are sealed with a data key per environment, and that is what is wrapped. It may be
run again at any time; a data key that the first master key has wrapped is left alone.
`,
  async run({ config, print }) {
    const settings = config();
    const keys = readMasterKeys(settings);
    if (!keys) throw new CommandError('there is no master key yet; start Postrider once');
    return onExistingDatabase(settings, (db) => rewrapAll(db, new Vault(...keys), print));
  },
};

async function rewrapAll(db: Database, vault: Vault, print: (line: string) => void): Promise<number> {
  const count = { 're-wrapped': 0, 'wrapped by it already': 0, 'not opened by any of these master keys': 0 };
  for (const environment of await listEnvironments(db)) {
    const outcome = await rewrap(db, vault, environment);
    count[outcome] += 1;
    print(`${publicId('env', environment.id)}  ${environment.name}: ${outcome}`);
  }
  print(
    Object.entries(count)
      .filter(([, each]) => each > 0)
      .map(([outcome, each]) => `${each} ${outcome}`)
      .join(', '),
  );
  if (count['not opened by any of these master keys'] > 0) return 1;
  print('The first master key opens all of them: once it is the first everywhere, older ones can be left out.');
  return 0;
}

/** One row in a transaction of its own, under its lock: whoever comes second finds it done. */
function rewrap(db: Database, vault: Vault, { id }: EnvironmentRow) {
  return db.transaction(async (tx) => {
    try {
      const row = await lockDataKey(tx, id);
      const wrapped = row && vault.rewrap(id, row.data_key);
      if (!wrapped) return 'wrapped by it already';
      await replaceDataKey(tx, id, wrapped);
      await insertAuditEntry(tx, {
        ...{ id: newId(), environment_id: id, actor_kind: 'command', actor_id: null, request_id: null },
        ...{ action: 'environment.rewrap_key', subject: publicId('env', id), details: {} },
      });
      return 're-wrapped';
    } catch (error) {
      if (error instanceof SealError) return 'not opened by any of these master keys';
      throw error;
    }
  });
}
