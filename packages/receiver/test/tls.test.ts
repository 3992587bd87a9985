import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { expect, it } from 'vitest';
import type { TlsUrls } from '../src/index.ts';
import { createCertificate } from '../src/tls/certificate.ts';
import { post } from './client.ts';
import { running } from './running.ts';

it('a client that trusts the throwaway authority is served over TLS', async () => {
  const receiver = await running();
  const { ca, valid } = await receiver.tls();
  expect((await post(`${valid}/status/202`, { ca })).status).toBe(202);
  expect((await post(`${valid.replace('127.0.0.1', 'localhost')}/ok`, { ca })).status).toBe(200);
  expect(receiver.received.map(({ path }) => path)).toEqual(['/status/202', '/ok']);
});

it('a client that does not trust it is not', async () => {
  const receiver = await running();
  const { valid } = await receiver.tls();
  await expect(post(valid)).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  expect(receiver.counts.total).toBe(0);
});

it.each<[keyof TlsUrls, string]>([
  ['wrongName', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ['expired', 'CERT_HAS_EXPIRED'],
  ['selfSigned', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ['oldVersion', 'EPROTO'],
])('%s is refused with %s', async (variant, code) => {
  const receiver = await running();
  const urls = await receiver.tls();
  await expect(post(urls[variant], { ca: urls.ca })).rejects.toMatchObject({ code });
  expect(receiver.counts.total).toBe(0);
});

it('oldVersion does serve who accepts TLS 1.1', async () => {
  const receiver = await running();
  const { ca, oldVersion } = await receiver.tls();
  const protocol = await new Promise((resolve, reject) => {
    const port = Number(new URL(oldVersion).port);
    const old = { minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const socket = connect({ host: '127.0.0.1', port, ca, ...old }, () => {
      resolve(socket.getProtocol());
      socket.destroy();
    });
    socket.on('error', reject);
  });
  expect(protocol).toBe('TLSv1.1');
});

it('stalled accepts the connection and never shakes hands', async () => {
  const receiver = await running();
  const { stalled } = await receiver.tls();
  const attempt = post(stalled);
  const cut = expect(attempt).rejects.toMatchObject({ code: 'ECONNRESET' });
  await post(receiver.url);
  await receiver.close();
  await cut;
});

it('a name of the caller is in the certificate', async () => {
  const receiver = await running();
  const { ca, valid } = await receiver.tls(['hooks.example.com']);
  const answer = await post(valid, { ca, servername: 'hooks.example.com' });
  expect(answer.status).toBe(200);
});

it('a certificate says what it was made for', () => {
  const authority = createCertificate({ commonName: 'An authority', authority: true });
  const leaf = createCertificate({
    commonName: 'leaf',
    names: ['a.example', '10.1.2.3', '::1', '2001:db8::5:0:1'],
    issuer: authority,
    notAfter: new Date('2021-06-05T04:03:02Z'),
  });
  const read = new X509Certificate(leaf.certPem);
  expect(read.subjectAltName).toBe(
    'DNS:a.example, IP Address:10.1.2.3, IP Address:0:0:0:0:0:0:0:1, IP Address:2001:DB8:0:0:0:5:0:1',
  );
  expect(read.validToDate).toEqual(new Date('2021-06-05T04:03:02Z'));
  expect(read.ca).toBe(false);
  expect(read.checkIssued(new X509Certificate(authority.certPem))).toBe(true);
  expect(read.verify(new X509Certificate(authority.certPem).publicKey)).toBe(true);
});
