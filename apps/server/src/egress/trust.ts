import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';

/**
 * The certificates trusted: the runtime's own, and `ca` (PEM) besides, never instead. Made once and shared: parsing 150
 * roots takes longer than the handshake it is for.
 */
export function trust(ca: readonly string[] | undefined): () => SecureContext {
  let context: SecureContext | undefined;
  return () => {
    context ??= createSecureContext({
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca: [...getCACertificates('default'), ...ca] }),
    });
    return context;
  };
}
