import { DESTINATIONS } from '../../core/broker/all.ts';
import { movedField } from '../../core/broker-config.ts';
import { isSecretHeader } from '../../core/mask.ts';
import { type DataKey, unseal } from '../../crypto/vault.ts';
import type { FieldError } from '../../errors.ts';
import type { EndpointRow } from '../../store/endpoint.ts';
import { openConfig } from '../broker-place.ts';

/**
 * A header whose value is masked cannot be read through the API. Sent to another server than it was given for, it could
 * be: so whoever leads an endpoint elsewhere has to know its secret headers. For everybody alike, as with the secrets of
 * brokers (core/broker-config.ts): who may reveal signing secrets may not read headers either.
 */
type Place = Pick<EndpointRow, 'type' | 'url' | 'config'>;

/** What is said of headers that would go along, by their names. */
export type Anew = (names: string) => string;

export const giveAnew: Anew = (names) => `are to be given anew, as the endpoint leads elsewhere: ${names} is not shown`;

/** @param patch with headers, they replace all that were there: none goes along. */
export function unprovenHeaders(
  dataKey: DataKey,
  before: EndpointRow,
  after: Pick<Place, 'url' | 'config'>,
  patch: { readonly headers?: object },
  anew: Anew = giveAnew,
): FieldError[] {
  if (patch.headers !== undefined || !before.headers) return [];
  if (!isLedElsewhere(dataKey, before, after)) return [];
  const secret = openedNames(dataKey, before, before.headers).filter(isSecretHeader);
  return secret.length === 0 ? [] : [{ path: '/headers', message: anew(secret.join(', ')) }];
}

function isLedElsewhere(dataKey: DataKey, before: EndpointRow, after: Pick<Place, 'url' | 'config'>): boolean {
  if (before.type === 'webhook') return originOf(before.url) !== originOf(after.url);
  if (after.config === before.config) return false;
  const [was, is] = [before.config, after.config].map((config) =>
    openConfig(dataKey, 'endpoint_config', { id: before.id, config }),
  );
  return !was || !is || movedField(DESTINATIONS[before.type], was, is) !== undefined;
}

/** Scheme, host and port. What is no URL is refused as such; it leads nowhere. */
function originOf(url: string): string | undefined {
  return URL.parse(url)?.origin;
}

/** Empty where they do not open: then nothing is sent with them either. */
function openedNames(dataKey: DataKey, { id }: EndpointRow, headers: Buffer): string[] {
  try {
    return Object.keys(JSON.parse(unseal(dataKey, id, 'endpoint_headers', headers)));
  } catch {
    return [];
  }
}
