import { DESTINATIONS } from '../../core/broker/all.ts';
import type { BrokerConfig, BrokerForm } from '../../core/broker/form.ts';
import { type ConfigInput, mergeConfig } from '../../core/broker-config.ts';
import { type DataKey, seal, unseal } from '../../crypto/vault.ts';
import { type FieldError, invalidFields } from '../../errors.ts';
import type { EndpointRow } from '../../store/endpoint.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { answerSoFar, type KeyedCall } from '../idempotency.ts';

/** Where an endpoint leads: the URL of a webhook, or the queue of a broker. */

type Place = Pick<EndpointRow, 'id' | 'type' | 'url' | 'config'>;
type Wanted = { readonly url?: string; readonly config?: ConfigInput };

/** What is wrong with the place that a caller wants; where nothing is, its columns. @param before null: a new one. */
export function placeOf(
  deps: Pick<ApiDependencies, 'checkUrl'>,
  dataKey: DataKey,
  of: Pick<Place, 'id' | 'type'>,
  before: Place | null,
  wanted: Wanted,
): { readonly errors: readonly FieldError[]; readonly columns: Pick<Place, 'url' | 'config'> } {
  const same = { url: before?.url ?? '', config: before?.config ?? null };
  if (of.type === 'webhook') {
    const errors = urlErrors(deps, wanted, before !== null);
    return { errors, columns: { url: wanted.url ?? same.url, config: null } };
  }
  // As it is shown, it may come back: a PUT of the Svix surface has to say one.
  if (wanted.url !== undefined && wanted.url !== before?.url) {
    return { errors: [{ path: '/url', message: 'is of webhooks: a broker is set in config' }], columns: same };
  }
  if (wanted.config === undefined) {
    return { errors: before ? [] : [{ path: '/config', message: `is required for type ${of.type}` }], columns: same };
  }
  const destination: BrokerForm = DESTINATIONS[of.type];
  const stored = before && openConfig(dataKey, before);
  const merged = mergeConfig(destination, stored, wanted.config);
  if (!merged.ok) {
    const errors = merged.errors.map(({ field, message }) => ({ path: `/config/${pointer(field)}`, message }));
    return { errors, columns: same };
  }
  const config = seal(dataKey, of.id, 'endpoint_config', JSON.stringify(merged.config));
  return { errors: [], columns: { url: destination.address(merged.config), config } };
}

/**
 * Asks the broker whether it would take what is published there: within 10 s, and outside of any transaction.
 *
 * @param call where it has had its answer, nothing is asked: the broker may be away by now.
 * @throws Problem `validation_failed`
 */
export async function checkPlace(
  deps: Pick<ApiDependencies, 'tenant' | 'checkBroker'>,
  dataKey: DataKey,
  place: Place,
  call: KeyedCall | null = null,
): Promise<void> {
  const config = openConfig(dataKey, place);
  if (place.type === 'webhook' || !config) return;
  if (call && (await answerSoFar(deps, call))) return;
  const failure = await deps.checkBroker(place.type, config);
  if (failure) throw invalidFields([{ path: '/config', message: `${failure.code}: ${failure.message}` }]);
}

/** Null where there is none, or it does not open: then all of it has to be given. */
function openConfig(dataKey: DataKey, { id, config }: Place): BrokerConfig | null {
  if (!config) return null;
  try {
    return JSON.parse(unseal(dataKey, id, 'endpoint_config', config));
  } catch {
    return null;
  }
}

function urlErrors(deps: Pick<ApiDependencies, 'checkUrl'>, { url, config }: Wanted, isThere: boolean): FieldError[] {
  if (config !== undefined) return [{ path: '/config', message: 'is of brokers: a webhook has a url' }];
  if (url === undefined) return isThere ? [] : [{ path: '/url', message: 'is required' }];
  const checked = deps.checkUrl(url);
  return checked.ok ? [] : [{ path: '/url', message: `egress_blocked: ${checked.reason}` }];
}

/** A name that the caller chose, in a JSON pointer. */
function pointer(field: string): string {
  return field.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1');
}
