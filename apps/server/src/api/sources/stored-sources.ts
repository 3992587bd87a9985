import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../auth/authenticate.ts';
import { SOURCES } from '../../core/broker/all.ts';
import type { BrokerConfig, BrokerForm } from '../../core/broker/form.ts';
import { type ConfigInput, mergeConfig } from '../../core/broker-config.ts';
import { parseId, publicId } from '../../core/ids.ts';
import { type DataKey, seal, unseal } from '../../crypto/vault.ts';
import { invalidFields, notFound } from '../../errors.ts';
import type { Queryable } from '../../store/database.ts';
import {
  deleteSource,
  lockSource,
  readSource,
  type SourceRow,
  type SourceSettings,
  updateSource,
} from '../../store/source.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { answerSoFar, type KeyedCall } from '../idempotency.ts';
import { presentSource } from './presenter.ts';

/** The receiver of a check: it receives nothing. */
const CHECK = 'postrider-check';

/** Finds and changes the source that a path names. All throw Problem `not_found`. */
export function storedSources({ tenant }: Pick<ApiDependencies, 'tenant'>) {
  return {
    async find({ environmentId }: Caller, path: { id: string }): Promise<SourceRow> {
      const id = parseId('src', path.id);
      const row = id ? await readSource(tenant(environmentId), environmentId, id) : undefined;
      if (!row) throw notFound('source');
      return row;
    },

    /** Reads, changes and writes under a row lock, so that two changes at once both count. */
    async change(tx: Queryable, ref: SourceRow, apply: (row: SourceRow) => SourceSettings): Promise<SourceRow> {
      const row = await lockSource(tx, ref.environment_id, ref.id);
      const changed = row && (await updateSource(tx, apply(row)));
      if (!changed) throw notFound('source');
      return changed;
    },

    async remove(request: Pick<FastifyRequest, 'caller' | 'id'>, row: SourceRow): Promise<void> {
      await tenant(row.environment_id).transaction(async (tx) => {
        if (!(await deleteSource(tx, row.environment_id, row.id))) throw notFound('source');
        await audit(tx, request, 'source.delete', publicId('src', row.id), { name: row.name });
      });
    },
  };
}

/** Where a source leads, as it is stored. @throws Problem `validation_failed` */
export function placeOf(
  dataKey: DataKey,
  source: Pick<SourceSettings, 'id' | 'type'>,
  before: Pick<SourceSettings, 'id' | 'config'> | null,
  wanted: ConfigInput,
): Pick<SourceSettings, 'url' | 'config'> {
  const destination: BrokerForm = SOURCES[source.type];
  const merged = mergeConfig(destination, before && openConfig(dataKey, before), wanted);
  if (!merged.ok) {
    throw invalidFields(merged.errors.map(({ field, message }) => ({ path: `/config/${pointer(field)}`, message })));
  }
  const config = seal(dataKey, source.id, 'source_config', JSON.stringify(merged.config));
  return { url: destination.address(merged.config), config };
}

/** Null where it does not open: then all of it has to be given. */
export function openConfig(
  dataKey: DataKey,
  { id, config }: Pick<SourceSettings, 'id' | 'config'>,
): BrokerConfig | null {
  try {
    return JSON.parse(unseal(dataKey, id, 'source_config', config));
  } catch {
    return null;
  }
}

/** How rows of an environment are shown. */
export function presenterOf(dataKey: DataKey): (row: SourceRow) => ReturnType<typeof presentSource> {
  return (row) => presentSource(row, openConfig(dataKey, row));
}

/**
 * Asks the broker whether it would let us receive: within 10 s, and outside of any transaction.
 *
 * @param call where it has had its answer, nothing is asked: the broker may be away by now.
 * @throws Problem `validation_failed`
 */
export async function checkPlace(
  deps: Pick<ApiDependencies, 'tenant' | 'checkBroker'>,
  dataKey: DataKey,
  source: Pick<SourceSettings, 'id' | 'type' | 'config'>,
  call: KeyedCall | null = null,
): Promise<void> {
  const config = openConfig(dataKey, source);
  if (!config || (call && (await answerSoFar(deps, call)))) return;
  const failure = await deps.checkBroker(source.type, config, { use: 'receiving', receiver: CHECK });
  if (failure) throw invalidFields([{ path: '/config', message: `${failure.code}: ${failure.message}` }]);
}

/** A name that the caller chose, in a JSON pointer. */
function pointer(field: string): string {
  return field.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1');
}
