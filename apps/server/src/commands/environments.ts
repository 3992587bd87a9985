import { newId, publicId } from '../core/ids.ts';
import { type ApiKeyMode, newApiKey } from '../crypto/api-key.ts';
import { SealError, Vault } from '../crypto/vault.ts';
import { readMasterKeys } from '../master-key.ts';
import { makeAdminKey, makeEnvironment } from '../new-environment.ts';
import { insertAuditEntry } from '../store/audit.ts';
import { hasSqlState, UNIQUE_VIOLATION } from '../store/database.ts';
import { listEnvironments } from '../store/environment.ts';
import { listOrganizations } from '../store/organization.ts';
import { type Command, type CommandContext, CommandError } from './command.ts';
import { onExistingDatabase } from './existing-database.ts';

export const environmentsList: Command = {
  words: 'environments list',
  summary: 'Show all environments',
  help: `
Usage: npm run postrider -- environments list

One line each: id, mode, name.
`,
  async run({ config, print }) {
    for (const { id, mode, name } of await onExistingDatabase(config(), listEnvironments)) {
      print(`${publicId('env', id)}  ${mode}  ${name}`);
    }
    return 0;
  },
};

export const environmentsCreate: Command = {
  words: 'environments create',
  summary: 'Make an environment, and an admin key for it',
  help: `
Usage: npm run postrider -- environments create --name NAME [--mode live|test]

Makes an environment with a data key, a default application and an admin API key, which is shown here. By it, everything else
of the environment can be set up over the API. Running servers take it in at once; on the embedded database, stop the server
first.

  --name  what people call it; no two alike
  --mode  of its API keys, pr_live_… or pr_test_…; test unless told otherwise
`,
  options: { name: { type: 'string' }, mode: { type: 'string' } },
  run: create,
};

async function create({ config, values, print }: CommandContext): Promise<number> {
  const { name, mode = 'test' } = values;
  if (typeof name !== 'string' || name.trim() === '' || name.length > 128 || name.includes('\0')) {
    throw new CommandError('--name: 1 to 128 characters', 2);
  }
  if (!isMode(mode)) throw new CommandError('--mode: live or test', 2);
  const settings = config();
  const keys = readMasterKeys(settings);
  if (!keys) throw new CommandError('there is no master key yet; start Postrider once');
  const vault = new Vault(...keys);
  const key = newApiKey(mode);
  const made = await onExistingDatabase(settings, (db) =>
    db.transaction(async (tx) => {
      const [organization] = await listOrganizations(tx);
      if (!organization) throw new CommandError('there is no organization yet; start Postrider once');
      // The others must open with it too: wrapped by a key that no server has, it could be used by none.
      for (const { id, data_key } of await listEnvironments(tx)) vault.unwrap(id, data_key);
      const environment = await makeEnvironment(tx, vault, { organizationId: organization.id, name, mode });
      await makeAdminKey(tx, vault, environment.environment, key, 'made with its environment');
      const { id } = environment.environment;
      await insertAuditEntry(tx, {
        ...{ id: newId(), environment_id: id, actor_kind: 'command', actor_id: null, request_id: null },
        ...{ action: 'environment.create', subject: publicId('env', id), details: { name, mode } },
      });
      return environment;
    }),
  ).catch((error: unknown) => {
    if (hasSqlState(error, UNIQUE_VIOLATION)) throw new CommandError(`there is an environment ${name} already`);
    if (error instanceof SealError)
      throw new CommandError('POSTRIDER_MASTER_KEY: not the one that Postrider runs with');
    throw error;
  });
  print(`environment  ${publicId('env', made.environment.id)}  ${name} (${mode})`);
  print(`application  ${publicId('app', made.applicationId)}  the default one`);
  print(`admin key    ${key}`);
  return 0;
}

function isMode(text: unknown): text is ApiKeyMode {
  return text === 'live' || text === 'test';
}
