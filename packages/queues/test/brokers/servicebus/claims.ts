import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Shared access keys by their names, in a file that is read for each token. */
export class Claims {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** Whether a token `SharedAccessSignature sr=…&sig=…&se=…&skn=…` is signed with a key that is known. */
  accepts(token: string): boolean {
    const fields = new URLSearchParams(token.replace(/^SharedAccessSignature /, ''));
    const [resource, expires] = [fields.get('sr') ?? '', fields.get('se') ?? ''];
    const keys: Record<string, string> = JSON.parse(readFileSync(this.#file, 'utf8'));
    const key = keys[fields.get('skn') ?? ''];
    if (key === undefined || Number(expires) < Date.now() / 1_000) return false;
    const signed = `${encodeURIComponent(resource)}\n${expires}`;
    return createHmac('sha256', key).update(signed).digest('base64') === fields.get('sig');
  }
}
