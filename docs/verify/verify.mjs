// Verifies webhooks sent by Postrider. Node 18 or newer, nothing but its standard library.
import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto';

const TOLERANCE_SECONDS = 5 * 60;
// What comes before the 32 bytes of an ed25519 public key in DER.
const ED25519_DER = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * Scheme `standard`. Throws unless one of the secrets signed this request.
 *
 * body: a Buffer of the bytes as they came. headers: with lower-case names, as Node has them.
 * secrets: 'whsec_…' of the endpoint; two while it is being rotated.
 */
export function verifyStandard(body, headers, secrets) {
  const signed = signedBytes(body, headers);
  const offered = signatures(headers, 'v1,');
  const matches = secrets.some((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    if (key.length < 24) throw new Error('the secret is not whole');
    return offered.some((each) => isEqual(each, createHmac('sha256', key).update(signed).digest('base64')));
  });
  if (!matches) throw new Error('no signature matches');
}

/** Scheme `ed25519`. publicKeys: 'whpk_…' of the endpoint. */
export function verifyEd25519(body, headers, publicKeys) {
  const signed = signedBytes(body, headers);
  const offered = signatures(headers, 'v1a,');
  const matches = publicKeys.some((text) => {
    const der = Buffer.concat([ED25519_DER, Buffer.from(text.replace(/^whpk_/, ''), 'base64')]);
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    return offered.some((each) => verify(null, signed, key, Buffer.from(each, 'base64')));
  });
  if (!matches) throw new Error('no signature matches');
}

/** Scheme `hmac-hex`. The key is the secret as it is shown, 'whsec_' and all. */
export function verifyHmacHex(body, headers, secrets, brand = 'Postrider') {
  const prefix = `x-${brand.toLowerCase()}-`;
  const timestamp = timestampOf(headers, `${prefix}timestamp`);
  const offered = header(headers, `${prefix}signature`).split(',');
  const matches = secrets.some((secret) => {
    if (secret.length < 24) throw new Error('the secret is not whole');
    const expected = createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex');
    return offered.some((each) => isEqual(each.trim(), expected));
  });
  if (!matches) throw new Error('no signature matches');
}

function signedBytes(body, headers) {
  const timestamp = timestampOf(headers, 'webhook-timestamp');
  return Buffer.concat([Buffer.from(`${header(headers, 'webhook-id')}.${timestamp}.`), body]);
}

/** What stands behind this version in the header, which may hold several signatures. */
function signatures(headers, version) {
  const all = header(headers, 'webhook-signature').split(' ');
  return all.filter((each) => each.startsWith(version)).map((each) => each.slice(version.length));
}

/** The header's own text, once it is known to be near now: an old request may be a replayed one. */
function timestampOf(headers, name) {
  const text = header(headers, name);
  if (!/^[0-9]+$/.test(text)) throw new Error('the timestamp is not in Unix seconds');
  if (Math.abs(Date.now() / 1000 - Number(text)) > TOLERANCE_SECONDS) throw new Error('the timestamp is not near now');
  return text;
}

function header(headers, name) {
  const value = headers[name];
  if (typeof value !== 'string') throw new Error(`there is no ${name}`);
  return value;
}

/** In constant time: how much of a guess is right must not show. */
function isEqual(one, other) {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
