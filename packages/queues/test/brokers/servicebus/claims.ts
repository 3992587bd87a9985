import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';

export type Right = 'Send' | 'Listen';

/** A shared access policy of the namespace. */
export interface Policy {
  readonly key: string;
  readonly rights: readonly Right[];
}

/** Shared access policies by their names, in a file that is read for each token: a key that is taken out counts no longer. */
export class Claims {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** What `SharedAccessSignature sr=…&sig=…&se=…&skn=…` gives at this place, or null where it is not signed, or for another. */
  rights(token: string, audience: string): readonly Right[] | null {
    const fields = new URLSearchParams(token.replace(/^SharedAccessSignature /, ''));
    const [resource, expires] = [fields.get('sr') ?? '', fields.get('se') ?? ''];
    const policies: Record<string, Policy> = JSON.parse(readFileSync(this.#file, 'utf8'));
    const policy = policies[fields.get('skn') ?? ''];
    if (policy === undefined || Number(expires) < Date.now() / 1_000) return null;
    if (!resource || !audience.toLowerCase().startsWith(resource.toLowerCase())) return null;
    const signed = `${encodeURIComponent(resource)}\n${expires}`;
    const isGenuine = createHmac('sha256', policy.key).update(signed).digest('base64') === fields.get('sig');
    return isGenuine ? policy.rights : null;
  }
}

/** What the tokens of one connection give, by place. */
export class Grants {
  readonly #rights = new Map<string, readonly Right[]>();

  put(audience: string, rights: readonly Right[]): void {
    this.#rights.set(pathOf(audience), rights);
  }

  allow(address: string, right: Right): boolean {
    const wanted = address.toLowerCase();
    for (const [path, rights] of this.#rights) {
      const covers = path === '' || wanted === path || wanted.startsWith(`${path}/`);
      if (covers && rights.includes(right)) return true;
    }
    return false;
  }
}

function pathOf(audience: string): string {
  return audience.toLowerCase().replace(/^\w+:\/\/[^/]*\/?/, '');
}
