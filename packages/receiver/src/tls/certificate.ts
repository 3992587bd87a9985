import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { bits, implicit, integer, objectId, octets, sequence, set, tagged, text, time, yes } from './der.ts';

// Made here and not by the program `openssl`: that is not on every machine, and a certificate is a page of DER. Written
// to RFC 5280; P-256 because a key takes a millisecond, where RSA takes a hundred.

export interface Certificate {
  readonly commonName: string;
  readonly certPem: string;
  readonly keyPem: string;
  readonly key: KeyObject;
}

export interface CertificateOptions {
  readonly commonName: string;
  /** DNS names and IP addresses; none for an authority. */
  readonly names?: readonly string[];
  /** Signs for itself if there is none. */
  readonly issuer?: Certificate;
  readonly authority?: boolean;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

const ECDSA_WITH_SHA256 = sequence(objectId('1.2.840.10045.4.3.2'));
const KEY_CERT_SIGN = bits(Buffer.of(0x04), 2);

function extension(id: string, critical: boolean, value: Uint8Array): Buffer {
  return sequence(objectId(id), ...(critical ? [yes()] : []), octets(value));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // The URL parser writes every IPv6 address one way; what is left is to fill its one gap.
  const [left = '', right = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (half: string) => (half === '' ? [] : half.split(':'));
  const gap = Array<string>(8 - groups(left).length - groups(right).length).fill('0');
  const all = [...groups(left), ...gap, ...groups(right)];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function alternativeNames(names: readonly string[]): Buffer {
  const [DNS_NAME, IP_ADDRESS] = [2, 7];
  const encoded = names.map((name) =>
    isIP(name) ? implicit(IP_ADDRESS, addressBytes(name)) : implicit(DNS_NAME, Buffer.from(name)),
  );
  return extension('2.5.29.17', false, sequence(...encoded));
}

function distinguished(commonName: string): Buffer {
  return sequence(set(sequence(objectId('2.5.4.3'), text(commonName))));
}

/** A key and a certificate for it, valid from 2020 through 2049 unless told otherwise. */
export function createCertificate(options: CertificateOptions): Certificate {
  const { commonName, names = [], issuer, authority = false } = options;
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const extensions = [
    extension('2.5.29.19', true, authority ? sequence(yes()) : sequence()),
    ...(authority ? [extension('2.5.29.15', true, KEY_CERT_SIGN)] : []),
    ...(names.length > 0 ? [alternativeNames(names)] : []),
  ];
  const [V3, VERSION, EXTENSIONS] = [Buffer.of(2), 0, 3];
  const signed = sequence(
    tagged(VERSION, integer(V3)),
    integer(Buffer.concat([Buffer.of(0x01), randomBytes(15)])),
    ECDSA_WITH_SHA256,
    distinguished(issuer?.commonName ?? commonName),
    sequence(
      time(options.notBefore ?? new Date('2020-01-01T00:00:00Z')),
      time(options.notAfter ?? new Date('2049-12-31T00:00:00Z')),
    ),
    distinguished(commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(EXTENSIONS, sequence(...extensions)),
  );
  const signature = sign('sha256', signed, issuer?.key ?? privateKey);
  const lines =
    sequence(signed, ECDSA_WITH_SHA256, bits(signature))
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return {
    commonName,
    certPem: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    key: privateKey,
  };
}
