import { generateSecret } from '@postrider/webhook';
import { DEFAULT_TIMEOUT_SECONDS } from '../../core/endpoint.ts';
import type { Environment } from '../../core/environment.ts';
import { newId, type Uuid } from '../../core/ids.ts';
import { effectiveSignature, isKeyPair } from '../../core/signature.ts';
import { type DataKey, seal, unseal } from '../../crypto/vault.ts';
import type { EnvironmentEntry } from '../../directory/environment-entry.ts';
import { checkHeaders } from '../../egress/headers.ts';
import { type FieldError, invalidFields } from '../../errors.ts';
import type { EndpointRow, EndpointSettings } from '../../store/endpoint.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { signatureErrors } from '../signature-setting.ts';
import { type Anew, unprovenHeaders } from './moving.ts';
import { placeOf } from './place.ts';
import type { EndpointPatch, NewEndpoint } from './schema.ts';
import { secretErrors } from './secret.ts';

/** From what a caller sent to the row that is stored: checked, defaults filled in, secrets sealed. */

/** @throws Problem `validation_failed`. */
export function newEndpointRow(
  deps: Pick<ApiDependencies, 'checkUrl'>,
  dataKey: DataKey,
  application: { readonly id: Uuid; readonly environment: EnvironmentEntry },
  body: NewEndpoint,
): EndpointSettings {
  const secret = body.secret ?? generateSecret();
  const { scheme } = effectiveSignature(body.signature ?? null, application.environment.environment.signature);
  const id = newId();
  const type = body.type ?? 'webhook';
  const place = placeOf(deps, dataKey, { id, type }, null, body);
  const errors = [...place.errors, ...settingErrors(body), ...secretErrors(secret, scheme)];
  if (errors.length > 0) throw invalidFields(errors);
  const isActive = body.active ?? true;
  return {
    id,
    environment_id: dataKey.environmentId,
    application_id: application.id,
    uid: body.uid ?? null,
    type,
    ...place.columns,
    events: events(body) ?? ['*'],
    channels: body.channels ?? null,
    description: body.description ?? '',
    metadata: body.metadata ?? {},
    headers: sealHeaders(dataKey, id, body.headers),
    secret: seal(dataKey, id, 'endpoint_secret', secret),
    old_secrets: null,
    body_format: body.body_format ?? null,
    signature: body.signature ?? null,
    retry_policy: body.retry_policy ?? 'default',
    timeout_seconds: body.timeout_seconds ?? DEFAULT_TIMEOUT_SECONDS,
    rate_limit: body.rate_limit ?? null,
    max_in_flight: body.max_in_flight ?? null,
    ordering: body.ordering ?? 'none',
    status: isActive ? 'active' : 'disabled',
    disabled_reason: isActive ? null : 'by_request',
  };
}

/** The row with a patch applied. Absent fields stay. @param anew as unprovenHeaders. @throws Problem `validation_failed`. */
export function patchedRow(
  deps: Pick<ApiDependencies, 'checkUrl'>,
  dataKey: DataKey,
  { environment }: EnvironmentEntry,
  row: EndpointRow,
  patch: EndpointPatch,
  anew?: Anew,
): EndpointRow {
  const place = placeOf(deps, dataKey, row, row, patch);
  const errors = [
    ...place.errors,
    ...settingErrors(patch),
    ...keyPairErrors(dataKey, environment, row, patch),
    ...unprovenHeaders(dataKey, row, place.columns, patch, anew),
  ];
  if (errors.length > 0) throw invalidFields(errors);
  return {
    ...row,
    uid: patch.uid === undefined ? row.uid : patch.uid,
    ...place.columns,
    events: events(patch) ?? row.events,
    channels: patch.channels === undefined ? row.channels : patch.channels,
    description: patch.description ?? row.description,
    metadata: patch.metadata ?? row.metadata,
    headers: patch.headers === undefined ? row.headers : sealHeaders(dataKey, row.id, patch.headers),
    body_format: patch.body_format === undefined ? row.body_format : patch.body_format,
    signature: patch.signature === undefined ? row.signature : patch.signature,
    retry_policy: patch.retry_policy ?? row.retry_policy,
    timeout_seconds: patch.timeout_seconds ?? row.timeout_seconds,
    rate_limit: patch.rate_limit === undefined ? row.rate_limit : patch.rate_limit,
    max_in_flight: patch.max_in_flight === undefined ? row.max_in_flight : patch.max_in_flight,
    ordering: patch.ordering ?? row.ordering,
    ...activity(row, patch.active),
  };
}

export function enabled(row: EndpointRow): EndpointRow {
  return { ...row, ...activity(row, true) };
}

/** Enabling what is not disabled, or disabling what is, changes nothing: a paused endpoint stays paused. */
function activity(row: EndpointRow, active: boolean | undefined): Pick<EndpointRow, 'status' | 'disabled_reason'> {
  if (active === false && row.status !== 'disabled') return { status: 'disabled', disabled_reason: 'by_request' };
  if (active === true && row.status === 'disabled') return { status: 'active', disabled_reason: null };
  return { status: row.status, disabled_reason: row.disabled_reason };
}

function events(body: EndpointPatch): string[] | undefined {
  return body.all_events ? ['*'] : body.events;
}

function settingErrors(body: EndpointPatch): FieldError[] {
  const errors: FieldError[] = [];
  if (body.all_events && body.events) errors.push({ path: '/all_events', message: 'cannot go with events' });
  const headers = checkHeaders(body.headers ?? {}, 'endpoint');
  if (!headers.ok) {
    for (const { path, message } of headers.errors) errors.push({ path: `/headers/${path}`, message });
  }
  if (body.signature) errors.push(...signatureErrors(body.signature));
  return errors;
}

/** A key pair of its owner's own stays with its scheme: no setting may take it into another. */
function keyPairErrors(
  dataKey: DataKey,
  environment: Environment,
  row: EndpointRow,
  { signature }: EndpointPatch,
): FieldError[] {
  if (signature === undefined || effectiveSignature(signature, environment.signature).scheme === 'ed25519') return [];
  if (!isKeyPair(openSecret(dataKey, row))) return [];
  return [{ path: '/signature', message: 'this endpoint has a whsk_ key, for ed25519 only: rotate to a whsec_ first' }];
}

/** Empty where it does not open: that must not keep its owner from any change. */
function openSecret(dataKey: DataKey, row: EndpointRow): string {
  try {
    return unseal(dataKey, row.id, 'endpoint_secret', row.secret);
  } catch {
    return '';
  }
}

function sealHeaders(dataKey: DataKey, id: Uuid, headers: Record<string, string> | undefined): Buffer | null {
  const checked = checkHeaders(headers ?? {}, 'endpoint');
  if (!checked.ok || Object.keys(checked.headers).length === 0) return null;
  return seal(dataKey, id, 'endpoint_headers', JSON.stringify(checked.headers));
}
