/**
 * How deliveries are signed.
 *
 * - `standard`: Standard Webhooks with a shared secret, `v1,` HMAC-SHA256
 * - `ed25519`: Standard Webhooks with a key pair, `v1a,`
 * - `hmac-hex`: `X-<Brand>-Signature`, the hex HMAC-SHA256 of `{timestamp}.{body}` under the secret as it is shown
 */
export type SignatureScheme = 'standard' | 'ed25519' | 'hmac-hex';

/** As an environment or endpoint sets it; stored as it is shown. */
export interface SignatureSetting {
  readonly scheme: SignatureScheme;
  /** Names the headers of `hmac-hex`. */
  readonly brand?: string;
  readonly id_header?: string;
  readonly timestamp_header?: string;
  readonly signature_header?: string;
}

/** Names of the headers that carry a signature, lower-case. */
export interface SignatureHeaders {
  readonly id: string;
  readonly timestamp: string;
  readonly signature: string;
}

/** An ed25519 key of its owner's own (`whsk_`), and no shared secret: it signs in no other scheme. */
export function isKeyPair(secret: string): boolean {
  return secret.startsWith('whsk_');
}

const DEFAULT_BRAND = 'Postrider';

/** Every endpoint whose deliveries are signed as they are by default has this very object. */
export const STANDARD_SIGNATURE: SignatureSetting = { scheme: 'standard' };

/** The names a setting gives, or implies by its scheme and brand. */
export function signatureHeaders(setting: SignatureSetting): SignatureHeaders {
  const prefix = setting.scheme === 'hmac-hex' ? `x-${setting.brand ?? DEFAULT_BRAND}-` : 'webhook-';
  return {
    // Not signed by hmac-hex, but receivers drop duplicates by it.
    id: (setting.id_header ?? 'webhook-id').toLowerCase(),
    timestamp: (setting.timestamp_header ?? `${prefix}timestamp`).toLowerCase(),
    signature: (setting.signature_header ?? `${prefix}signature`).toLowerCase(),
  };
}

/** False where one header would have to carry two things. */
export function areDistinct({ id, timestamp, signature }: SignatureHeaders): boolean {
  return id !== timestamp && timestamp !== signature && signature !== id;
}

/**
 * What is in force for an endpoint.
 *
 * Its own setting goes before its environment's. From there it still takes the brand, where it has none; and the names of
 * headers, where it names none and has the same scheme, since names that suit one scheme mislead with another.
 */
export function effectiveSignature(own: SignatureSetting | null, environment: SignatureSetting): SignatureSetting {
  const setting = own ? { ...inherited(own, environment), ...own } : environment;
  if (setting.scheme === 'standard' && !namesHeaders(setting)) return STANDARD_SIGNATURE;
  if (areDistinct(signatureHeaders(setting))) return setting;
  // An own name that is what the environment's brand, changed since, makes of another header.
  return { scheme: setting.scheme, ...(setting.brand !== undefined && { brand: setting.brand }) };
}

function inherited(own: SignatureSetting, environment: SignatureSetting): Partial<SignatureSetting> {
  if (own.scheme === environment.scheme && !namesHeaders(own)) return environment;
  return environment.brand === undefined ? {} : { brand: environment.brand };
}

function namesHeaders({ id_header, timestamp_header, signature_header }: SignatureSetting): boolean {
  return id_header !== undefined || timestamp_header !== undefined || signature_header !== undefined;
}
