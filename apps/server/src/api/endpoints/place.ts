import { DESTINATIONS } from '../../core/broker/all.ts';
import type { ConfigInput } from '../../core/broker-config.ts';
import type { DataKey } from '../../crypto/vault.ts';
import type { FieldError } from '../../errors.ts';
import type { EndpointRow } from '../../store/endpoint.ts';
import { askBroker, openConfig, placeOnBroker } from '../broker-place.ts';
import type { ApiDependencies } from '../dependencies.ts';
import type { KeyedCall } from '../idempotency.ts';

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
  const row = { id: of.id, config: before?.config ?? null };
  const { errors, columns } = placeOnBroker(DESTINATIONS[of.type], dataKey, 'endpoint_config', row, wanted.config);
  return { errors, columns: columns ?? same };
}

/** As askBroker: whether it would take what is published there. */
export async function checkPlace(
  deps: Parameters<typeof askBroker>[0],
  dataKey: DataKey,
  place: Place,
  call: KeyedCall | null = null,
): Promise<void> {
  if (place.type === 'webhook') return;
  await askBroker(deps, place.type, openConfig(dataKey, 'endpoint_config', place), call);
}

function urlErrors(deps: Pick<ApiDependencies, 'checkUrl'>, { url, config }: Wanted, isThere: boolean): FieldError[] {
  if (config !== undefined) return [{ path: '/config', message: 'is of brokers: a webhook has a url' }];
  if (url === undefined) return isThere ? [] : [{ path: '/url', message: 'is required' }];
  const checked = deps.checkUrl(url);
  return checked.ok ? [] : [{ path: '/url', message: `egress_blocked: ${checked.reason}` }];
}
