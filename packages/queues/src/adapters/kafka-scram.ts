import type { SASLOptions, saslScramSha } from '@platformatic/kafka';

type Authenticate = NonNullable<SASLOptions['authenticate']>;
type Crypto = typeof saslScramSha.defaultCrypto;

/**
 * Proves the password as the client does by itself, but hashes it so many times at the most. How often is for the server to
 * say, up to 2,147,483,647: that holds a thread of the process for many minutes, and there are few.
 */
export function scramWithin(maxIterations: number): Authenticate {
  return (mechanism, connection, authenticate, username = '', password = '', _token, callback) => {
    const algorithm = mechanism === 'SCRAM-SHA-256' ? 'SHA-256' : 'SHA-512';
    import('@platformatic/kafka')
      .then(({ AuthenticationError, saslScramSha }) => {
        const { defaultCrypto } = saslScramSha;
        const hi: Crypto['hi'] = async (definition, secret, salt, iterations) => {
          if (iterations <= maxIterations) return defaultCrypto.hi(definition, secret, salt, iterations);
          throw new AuthenticationError(`the server wants ${iterations} iterations; ${maxIterations} are the most`);
        };
        const crypto = { ...defaultCrypto, hi };
        saslScramSha.authenticate(authenticate, connection, algorithm, username, password, crypto, callback);
      })
      .catch((error: Error) => callback(error));
  };
}
