import {
  decodeSecret,
  deriveEd25519Key,
  ed25519PublicKey,
  generateSecret,
  sign,
  signEd25519,
  signHmacHex,
} from '@postrider/webhook';
import { signatureHeaders } from '../../src/core/signature.ts';
import type { Request, Scheme } from './languages.ts';

/** A request, and what verification code must say of it; `refused`: anything but `ok`. */
export interface Case {
  readonly name: string;
  readonly request: Request;
  readonly verdict: string;
}

/** What came, and the secret of the endpoint it was sent to. */
export interface Delivered {
  readonly scheme: Scheme;
  readonly brand: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** `whsec_…` */
  readonly secret: string;
}

const NO_MATCH = 'no signature matches';
const NOT_NOW = 'the timestamp is not near now';
const NOT_SECONDS = 'the timestamp is not in Unix seconds';
/** Beyond the five minutes that are allowed. */
const LATE = 310;

/** A delivery as it came, and what an enemy, a proxy or a mistake can make of it. */
export function casesOf(delivered: Delivered): Case[] {
  const { scheme, brand, headers, body, secret } = delivered;
  const names = signatureHeaders({ scheme, brand });
  const now = Math.floor(Date.now() / 1000);
  const id = headers['webhook-id'] ?? '';
  const known = [knownTo(scheme, secret)];
  const other = generateSecret();

  const request = (changes: Partial<Request> = {}): Request => {
    const whole = { scheme, brand, headers, body, secrets: known, ...changes };
    return { ...whole, body: Buffer.from(whole.body).toString('base64') };
  };
  const withHeader = (name: string, value: string) => request({ headers: { ...headers, [name]: value } });
  const without = (name: string) =>
    request({ headers: Object.fromEntries(Object.entries(headers).filter(([each]) => each !== name)) });
  /** Signed by these secrets, in their order. */
  const signedBy = (secrets: readonly string[], timestamp: number, text = body) => ({
    [names.id]: id,
    [names.timestamp]: String(timestamp),
    [names.signature]: secrets
      .map((each) => signatureOf(scheme, each, id, timestamp, text))
      .join(scheme === 'hmac-hex' ? ',' : ' '),
  });
  const rotating = signedBy([other, secret], now);
  const signature = headers[names.signature] ?? '';

  return [
    { name: 'as it came', request: request(), verdict: 'ok' },
    { name: 'an empty body', request: request({ headers: signedBy([secret], now, ''), body: '' }), verdict: 'ok' },
    { name: 'four minutes old', request: request({ headers: signedBy([secret], now - 240) }), verdict: 'ok' },
    { name: 'a rotation, seen by who has the old secret', request: request({ headers: rotating }), verdict: 'ok' },
    {
      name: 'a rotation, seen by who has the new one',
      request: request({ headers: rotating, secrets: [knownTo(scheme, other)] }),
      verdict: 'ok',
    },
    {
      name: 'one signature, seen by who has both secrets',
      request: request({ secrets: [knownTo(scheme, other), ...known] }),
      verdict: 'ok',
    },

    { name: 'one byte more', request: request({ body: `${body} ` }), verdict: NO_MATCH },
    { name: 'parsed and printed', request: request({ body: JSON.stringify(JSON.parse(body)) }), verdict: NO_MATCH },
    { name: 'another time', request: withHeader(names.timestamp, String(now + 7)), verdict: NO_MATCH },
    { name: 'an old one again', request: request({ headers: signedBy([secret], now - LATE) }), verdict: NOT_NOW },
    { name: 'one of tomorrow', request: request({ headers: signedBy([secret], now + 86_400) }), verdict: NOT_NOW },
    { name: 'another secret', request: request({ secrets: [knownTo(scheme, other)] }), verdict: NO_MATCH },
    { name: 'signed by somebody else', request: request({ headers: signedBy([other], now) }), verdict: NO_MATCH },
    { name: 'no secret at all', request: request({ secrets: [] }), verdict: NO_MATCH },
    { name: 'an empty secret', request: request({ secrets: [''] }), verdict: 'refused' },
    { name: 'no signature', request: without(names.signature), verdict: 'refused' },
    { name: 'no time', request: without(names.timestamp), verdict: 'refused' },
    { name: 'an empty signature', request: withHeader(names.signature, ''), verdict: NO_MATCH },
    { name: 'half a signature', request: withHeader(names.signature, signature.slice(0, -4)), verdict: NO_MATCH },
    { name: 'a signature of letters', request: withHeader(names.signature, 'v1,é v1a,é,é'), verdict: NO_MATCH },
    ...['1e9', '-1', '0x5f', '', 'now'].map((text) => ({
      name: `the time "${text}"`,
      request: withHeader(names.timestamp, text),
      verdict: NOT_SECONDS,
    })),
    // The id is not signed by hmac-hex.
    ...(scheme === 'hmac-hex'
      ? []
      : [
          { name: 'another id', request: withHeader(names.id, 'msg_other'), verdict: NO_MATCH },
          {
            name: 'the version of another scheme',
            request: withHeader(names.signature, signature.replace(/^v1a?,/, scheme === 'standard' ? 'v1a,' : 'v1,')),
            verdict: NO_MATCH,
          },
        ]),
  ];
}

/** What the receiver has of a secret. */
function knownTo(scheme: Scheme, secret: string): string {
  return scheme === 'ed25519' ? ed25519PublicKey(deriveEd25519Key(decodeSecret(secret))) : secret;
}

function signatureOf(scheme: Scheme, secret: string, id: string, timestamp: number, body: string): string {
  if (scheme === 'hmac-hex') return signHmacHex(secret, timestamp, body);
  const key = decodeSecret(secret);
  return scheme === 'standard'
    ? sign(key, id, timestamp, body)
    : signEd25519(deriveEd25519Key(key), id, timestamp, body);
}
