import type { Purpose } from '../brokers/open.ts';
import type { BrokerType } from '../core/broker/all.ts';
import type { BrokerConfig, BrokerForm } from '../core/broker/form.ts';
import { type ConfigInput, mergeConfig } from '../core/broker-config.ts';
import type { Uuid } from '../core/ids.ts';
import { type DataKey, seal, unseal } from '../crypto/vault.ts';
import { type FieldError, invalidFields } from '../errors.ts';
import type { ApiDependencies } from './dependencies.ts';
import { answerSoFar, type KeyedCall } from './idempotency.ts';

/** The queue of a broker that an endpoint leads to, or a source comes from, as its row has it. */

type Sealed = 'endpoint_config' | 'source_config';
type Row = { readonly id: Uuid; readonly config: Buffer | null };

/** What is wrong with the config that a caller wants; where nothing is, its columns. @param row without config: a new one. */
export function placeOnBroker(
  form: BrokerForm,
  dataKey: DataKey,
  sealedAs: Sealed,
  row: Row,
  wanted: ConfigInput,
): { readonly errors: readonly FieldError[]; readonly columns: { url: string; config: Buffer } | null } {
  const merged = mergeConfig(form, openConfig(dataKey, sealedAs, row), wanted);
  if (!merged.ok) {
    const errors = merged.errors.map(({ field, message }) => ({ path: `/config/${pointer(field)}`, message }));
    return { errors, columns: null };
  }
  const config = seal(dataKey, row.id, sealedAs, JSON.stringify(merged.config));
  return { errors: [], columns: { url: form.address(merged.config), config } };
}

/** Null where there is none, or it does not open: then all of it has to be given. */
export function openConfig(dataKey: DataKey, sealedAs: Sealed, { id, config }: Row): BrokerConfig | null {
  if (!config) return null;
  try {
    return JSON.parse(unseal(dataKey, id, sealedAs, config));
  } catch {
    return null;
  }
}

/**
 * Asks the broker whether it would let us: within 10 s, and outside of any transaction.
 *
 * @param call where it has had its answer, nothing is asked: the broker may be away by now.
 * @throws Problem `validation_failed`
 */
export async function askBroker(
  deps: Pick<ApiDependencies, 'tenant' | 'checkBroker'>,
  type: BrokerType,
  config: BrokerConfig | null,
  call: KeyedCall | null,
  purpose: Purpose = { use: 'publishing' },
): Promise<void> {
  if (!config || (call && (await answerSoFar(deps, call)))) return;
  const failure = await deps.checkBroker(type, config, purpose);
  if (failure) throw invalidFields([{ path: '/config', message: `${failure.code}: ${failure.message}` }]);
}

/** A name that the caller chose, in a JSON pointer. */
function pointer(field: string): string {
  return field.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1');
}
