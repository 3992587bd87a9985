import type { BrokerConfig } from './form.ts';

/** Fields and addresses that several kinds have. */

export const USERNAME = {
  name: 'username',
  kind: 'text',
  label: 'User name',
  description: 'Whom to log in as',
} as const;
export const PASSWORD = { name: 'password', kind: 'secret', label: 'Password', description: 'Of that user' } as const;
export const CA = {
  name: 'ca',
  kind: 'multiline',
  label: 'Certificate authority',
  description: 'PEM of the authority to believe, with TLS; those of the system unless given',
  isPlace: true,
} as const;

export function trimmed(url: BrokerConfig[string] | undefined): string {
  return String(url).replace(/\/+$/, '');
}

/** `host:port` of a URL, or of several with commas between them. */
export function hostsOf(urls: BrokerConfig[string] | undefined, defaultPort: number): string[] {
  return String(urls)
    .split(',')
    .flatMap((each) => {
      const url = URL.parse(each.trim());
      return url?.hostname ? [`${url.hostname}:${url.port || defaultPort}`] : [];
    });
}
