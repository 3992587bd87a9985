import { decodeSecret, sign, signEd25519, signHmacHex } from '@postrider/webhook';
import type { Endpoint } from '../core/endpoint.ts';
import { isKeyPair, type SignatureScheme, STANDARD_SIGNATURE, signatureHeaders } from '../core/signature.ts';
import { ed25519KeyOf } from '../crypto/signing-key.ts';

/** The headers that are ours: what the body is, who sends it, and that it is genuine. */
type OwnHeaders = Readonly<Record<string, string>>;

const CONTENT_TYPE = 'application/json';
const USER_AGENT = 'Postrider/1.0';

/**
 * A fresh signature over one try, in the endpoint's scheme, by its secret and by the old ones that are still valid.
 *
 * @param now milliseconds since 1970.
 */
export function ownHeaders(endpoint: Endpoint, id: string, now: number, body: string): OwnHeaders {
  // Nearly all there are: nothing is looked up for them.
  if (endpoint.signature === STANDARD_SIGNATURE && endpoint.oldSecrets.length === 0) {
    const timestamp = Math.floor(now / 1000);
    return {
      'content-type': CONTENT_TYPE,
      'user-agent': USER_AGENT,
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': sign(endpoint.signingKey, id, timestamp, body),
    };
  }
  let signer = signers.get(endpoint);
  if (!signer) {
    signer = newSigner(endpoint);
    signers.set(endpoint, signer);
  }
  return signer(id, now, body);
}

type Signer = (id: string, now: number, body: string) => OwnHeaders;

/** Keys are made once: an endpoint that changes in anything is another object. */
const signers = new WeakMap<Endpoint, Signer>();

function newSigner({ signature: setting, secret, oldSecrets }: Endpoint): Signer {
  const names = signatureHeaders(setting);
  const signWithCurrent = signing(setting.scheme, secret);
  // hmac-hex needs a secret that both sides know.
  const old = oldSecrets
    .filter((each) => setting.scheme !== 'hmac-hex' || !isKeyPair(each.secret))
    .map((each) => ({ sign: signing(setting.scheme, each.secret), until: each.until }));
  const joint = setting.scheme === 'hmac-hex' ? ',' : ' ';
  return (id, now, body) => {
    const timestamp = Math.floor(now / 1000);
    let signature = signWithCurrent(id, timestamp, body);
    // By the clock, and not by what is stored: the end of an old secret is nothing that anybody writes down.
    for (const { sign, until } of old) if (until > now) signature += joint + sign(id, timestamp, body);
    return {
      'content-type': CONTENT_TYPE,
      'user-agent': USER_AGENT,
      [names.id]: id,
      [names.timestamp]: String(timestamp),
      [names.signature]: signature,
    };
  };
}

function signing(scheme: SignatureScheme, secret: string): (id: string, timestamp: number, body: string) => string {
  if (scheme === 'hmac-hex') return (_, timestamp, body) => signHmacHex(secret, timestamp, body);
  if (scheme === 'ed25519' || isKeyPair(secret)) {
    const key = ed25519KeyOf(secret);
    return (id, timestamp, body) => signEd25519(key, id, timestamp, body);
  }
  const key = decodeSecret(secret);
  return (id, timestamp, body) => sign(key, id, timestamp, body);
}
