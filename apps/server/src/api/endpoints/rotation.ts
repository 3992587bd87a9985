import { generateSecret } from '@postrider/webhook';
import type { OldSecret } from '../../core/endpoint.ts';
import type { Environment } from '../../core/environment.ts';
import { MAX_OLD_SECRETS, oldSecretsAfter } from '../../core/rotation.ts';
import { effectiveSignature } from '../../core/signature.ts';
import { type DataKey, SealError, seal, unseal } from '../../crypto/vault.ts';
import { invalidFields, Problem } from '../../errors.ts';
import type { EndpointRow } from '../../store/endpoint.ts';
import { secretErrors } from './secret.ts';

export interface Rotation {
  /** A secret of the caller's own. */
  readonly secret: string | undefined;
  readonly overlapMs: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The row with its next secret. @throws Problem `validation_failed` or `too_many_secrets`. */
export function rotatedRow(
  dataKey: DataKey,
  environment: Environment,
  row: EndpointRow,
  { secret: given, overlapMs, now }: Rotation,
): EndpointRow {
  const next = given ?? generateSecret();
  const errors = secretErrors(next, effectiveSignature(row.signature, environment.signature).scheme);
  if (errors.length > 0) throw invalidFields(errors);
  const open = openSecrets(dataKey, row);
  if (open?.secret === next) throw invalidFields([{ path: '/secret', message: 'is the secret that is in use' }]);
  const old = open ? oldSecretsAfter(open.secret, open.old, next, overlapMs, now) : [];
  if (!old) {
    throw new Problem(
      'too_many_secrets',
      `${MAX_OLD_SECRETS} earlier secrets still sign; wait until one ends, or end them all with overlap_hours: 0`,
    );
  }
  return {
    ...row,
    secret: seal(dataKey, row.id, 'endpoint_secret', next),
    old_secrets: old.length === 0 ? null : seal(dataKey, row.id, 'endpoint_old_secrets', JSON.stringify(old)),
  };
}

/** Null where they do not open: then the next secret puts the endpoint right, and there is nothing to keep. */
function openSecrets(dataKey: DataKey, row: EndpointRow): { secret: string; old: readonly OldSecret[] } | null {
  try {
    const secret = unseal(dataKey, row.id, 'endpoint_secret', row.secret);
    const old = row.old_secrets ? unseal(dataKey, row.id, 'endpoint_old_secrets', row.old_secrets) : '[]';
    return { secret, old: JSON.parse(old) };
  } catch (error) {
    if (error instanceof SealError) return null;
    throw error;
  }
}
