import { Type } from 'typebox';
import { areDistinct, type SignatureSetting, signatureHeaders } from '../core/signature.ts';
import { signatureHeaderError } from '../egress/headers.ts';
import type { FieldError } from '../errors.ts';
import { Strict } from './schema.ts';

/** How deliveries are signed: of an environment, or of an endpoint in its place. */

const HeaderName = (meaning: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: `${meaning}; reserved names are refused` }));

export const SignatureSchema = Strict(
  {
    scheme: Type.Union([
      Type.Literal('standard', { description: 'Standard Webhooks with a shared secret: `v1,` and HMAC-SHA256' }),
      Type.Literal('ed25519', { description: 'Standard Webhooks with a key pair: `v1a,` and ed25519' }),
      Type.Literal('hmac-hex', {
        description:
          'Hex HMAC-SHA256 of `{timestamp}.{body}` under the secret as it is shown, prefix included; during a rotation ' +
          'several, joined by commas',
      }),
    ]),
    brand: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?$',
        description:
          'Names the headers of `hmac-hex`: `X-<Brand>-Signature`, `X-<Brand>-Timestamp`. `Postrider` unless set',
      }),
    ),
    id_header: HeaderName('In place of `webhook-id`'),
    timestamp_header: HeaderName('In place of `webhook-timestamp` or `X-<Brand>-Timestamp`'),
    signature_header: HeaderName('In place of `webhook-signature` or `X-<Brand>-Signature`'),
  },
  { description: 'How deliveries are signed' },
);

const NAMES = ['id_header', 'timestamp_header', 'signature_header'] as const;

/** What the schema cannot see is wrong with a setting. */
export function signatureErrors(setting: SignatureSetting): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of NAMES) {
    const message = setting[field] === undefined ? null : signatureHeaderError(setting[field]);
    if (message !== null) errors.push({ path: `/signature/${field}`, message });
  }
  const headers = signatureHeaders(setting);
  if (setting.brand !== undefined) {
    const { brand } = setting;
    const byBrand = signatureHeaders({ scheme: 'hmac-hex', brand });
    const message = signatureHeaderError(byBrand.signature);
    if (message !== null) errors.push({ path: '/signature/brand', message: `${byBrand.signature} ${message}` });
  }
  if (!areDistinct(headers)) errors.push({ path: '/signature', message: 'gives two headers the same name' });
  return errors;
}
