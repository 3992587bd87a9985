import { createServer, type ServerOptions } from 'node:https';
import { type HttpHandler, KEEP_ALIVE_TIMEOUT_MS } from '../honest-server.ts';
import { type Listening, listen, originOf } from '../listening.ts';
import { type Certificate, createCertificate } from './certificate.ts';

/** Where the behaviours are served over TLS, each at its own port; append `/ok` or any other. */
export interface TlsUrls {
  /** The throwaway authority that signed all but `selfSigned`, in PEM: a client that trusts it accepts `valid`. */
  readonly ca: string;
  readonly valid: string;
  /** Its certificate is for `wrong.example`. */
  readonly wrongName: string;
  /** Its certificate ended in 2021. */
  readonly expired: string;
  readonly selfSigned: string;
  /** Its certificate is good and it speaks TLS 1.1 at most. */
  readonly oldVersion: string;
  /** The handshake never begins. */
  readonly stalled: string;
}

export interface TlsServers {
  readonly urls: TlsUrls;
  close(): Promise<void>;
}

const OUR_NAMES = ['localhost', '127.0.0.1', '::1'];

// OpenSSL 3 refuses TLS 1.1 even to a server that asks for it, unless its security level is 0.
const TLS_1_1: ServerOptions = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };

/** `names` are added to localhost, 127.0.0.1 and ::1 in every certificate but the one with the wrong name. */
export async function startTls(
  host: string,
  handler: HttpHandler,
  silentPort: number,
  names: readonly string[],
): Promise<TlsServers> {
  const started: Listening[] = [];
  const serve = async ({ certPem, keyPem }: Certificate, options: ServerOptions = {}) => {
    const server = createServer(
      { cert: certPem, key: keyPem, keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS, ...options },
      handler,
    );
    server.on('tlsClientError', () => {}); // A client that refuses our certificate is what most of these are for.
    const listening = await listen(server, host);
    started.push(listening);
    return originOf('https', host, listening.port);
  };

  const commonName = 'localhost';
  const ours = [...OUR_NAMES, ...names];
  const ca = createCertificate({ commonName: 'Postrider throwaway authority', authority: true });
  const good = createCertificate({ commonName, names: ours, issuer: ca });
  const wrong = createCertificate({ commonName: 'wrong.example', names: ['wrong.example'], issuer: ca });
  const notAfter = new Date('2021-01-01T00:00:00Z');
  const urls: TlsUrls = {
    ca: ca.certPem,
    valid: await serve(good),
    wrongName: await serve(wrong),
    expired: await serve(createCertificate({ commonName, names: ours, issuer: ca, notAfter })),
    selfSigned: await serve(createCertificate({ commonName, names: ours })),
    oldVersion: await serve(good, TLS_1_1),
    stalled: originOf('https', host, silentPort),
  };
  const close = async () => {
    await Promise.all(started.map((listening) => listening.close()));
  };
  return { urls, close };
}
