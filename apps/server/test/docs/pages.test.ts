import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DOCS, madePages } from '../../../../scripts/docs/pages.ts';
import { BROKER_ERRORS, ENDINGS, FAULTS } from '../../src/core/attempt-error.ts';
import { EGRESS_ERRORS } from '../../src/egress/error-code.ts';
import { PROBLEMS } from '../../src/errors.ts';
import { LANGUAGES, VERIFY_FOLDER } from './languages.ts';
import { anchorsOf, blocksOf, linksOf, type Page, pages } from './pages.ts';

describe('the docs', () => {
  test.each(Object.entries(madePages()))('%s is what `npm run docs` makes of the code', (name, text) => {
    expect(readFileSync(join(DOCS, name), 'utf8')).toBe(text);
  });

  test('tell of every problem, of every error code and of every language', () => {
    const errors = readFileSync(join(DOCS, 'errors.md'), 'utf8');
    for (const [code, { status }] of Object.entries(PROBLEMS)) expect(errors).toContain(`| ${status} | \`${code}\` |`);
    const retries = readFileSync(join(DOCS, 'retries.md'), 'utf8');
    for (const code of Object.keys({ ...EGRESS_ERRORS, ...FAULTS, ...ENDINGS }))
      expect(retries).toContain(`| \`${code}\` |`);
    const destinations = readFileSync(join(DOCS, 'destinations.md'), 'utf8');
    for (const code of Object.keys(BROKER_ERRORS)) expect(destinations).toContain(`| \`${code}\` `);
    const signing = readFileSync(join(DOCS, 'signing.md'), 'utf8');
    for (const { file } of LANGUAGES) expect(signing).toContain(readFileSync(join(VERIFY_FOLDER, file), 'utf8'));
  });

  test.each(pages().map((page) => [page.name, page] as const))('%s links only to what is there', (_, page) => {
    expect(linksOf(page).filter((target) => !isThere(page, target))).toEqual([]);
  });

  test('are all linked from README.md', () => {
    const [readme, ...docs] = pages();
    const linked = readme ? linksOf(readme) : [];
    expect(docs.map(({ name }) => name).filter((name) => !linked.includes(name))).toEqual([]);
  });

  test.each(pages().map((page) => [page.name, page] as const))('%s has JSON that is JSON', (_, page) => {
    for (const { text } of blocksOf(page).filter(({ language }) => language === 'json')) JSON.parse(text);
  });
});

function isThere(page: Page, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page.name : join(page.folder, path);
  if (path !== '' && !existsSync(file)) return false;
  if (anchor === undefined) return true;
  const text = path === '' ? page.text : readFileSync(file, 'utf8');
  return anchorsOf({ ...page, text }).includes(anchor);
}
