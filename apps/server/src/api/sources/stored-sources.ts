import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../auth/authenticate.ts';
import { SOURCES } from '../../core/broker/all.ts';
import type { ConfigInput } from '../../core/broker-config.ts';
import { parseId, publicId } from '../../core/ids.ts';
import type { DataKey } from '../../crypto/vault.ts';
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
import { askBroker, openConfig, placeOnBroker } from '../broker-place.ts';
import type { ApiDependencies } from '../dependencies.ts';
import type { KeyedCall } from '../idempotency.ts';
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
  const row = { id: source.id, config: before?.config ?? null };
  const { errors, columns } = placeOnBroker(SOURCES[source.type], dataKey, 'source_config', row, wanted);
  if (!columns) throw invalidFields(errors);
  return columns;
}

/** How rows of an environment are shown. */
export function presenterOf(dataKey: DataKey): (row: SourceRow) => ReturnType<typeof presentSource> {
  return (row) => presentSource(row, openConfig(dataKey, 'source_config', row));
}

/** As askBroker: whether it would let us receive. */
export async function checkPlace(
  deps: Parameters<typeof askBroker>[0],
  dataKey: DataKey,
  source: Pick<SourceSettings, 'id' | 'type' | 'config'>,
  call: KeyedCall | null = null,
): Promise<void> {
  const config = openConfig(dataKey, 'source_config', source);
  await askBroker(deps, source.type, config, call, { use: 'receiving', receiver: CHECK });
}
