import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withErrorCodes } from './error-codes.ts';
import { errorsPage } from './errors-page.ts';

export const DOCS = join(import.meta.dirname, '../../docs');

/** The code that stands in a page as it is in a file of docs/verify/: between these lines. */
const INCLUDED = /(<!-- verify\/(verify\.(\w+)) -->\n\n```\w+\n)[\s\S]*?(```\n)/g;

/** The pages that are made, by name, as they must be now. */
export function madePages(): Readonly<Record<string, string>> {
  const page = (name: string) => readFileSync(join(DOCS, name), 'utf8');
  return {
    'errors.md': errorsPage(),
    'retries.md': withErrorCodes(page('retries.md')),
    'signing.md': withCode(page('signing.md')),
  };
}

function withCode(page: string): string {
  return page.replaceAll(INCLUDED, (_, head: string, file: string, _extension, end: string) => {
    return head + readFileSync(join(DOCS, 'verify', file), 'utf8') + end;
  });
}
