import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** A page for people. */
export interface Page {
  /** From the root of the repository. */
  readonly name: string;
  readonly folder: string;
  readonly text: string;
}

/** A fenced block, and what its page says of it in a comment just before. */
export interface Block {
  readonly language: string;
  readonly text: string;
  readonly note: string;
}

/** README.md and everything in docs/. */
export function pages(): Page[] {
  const docs = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));
  return ['README.md', ...docs.map((name) => join('docs', name))].map((name) => {
    const file = join(ROOT, name);
    return { name: relative(ROOT, file), folder: dirname(file), text: readFileSync(file, 'utf8') };
  });
}

export function blocksOf({ text }: Page): Block[] {
  const fenced = /(?:<!-- (.*) -->\n\n)?```(\w*)\n([\s\S]*?)```\n/g;
  return [...text.matchAll(fenced)].map(([, note = '', language = '', inner = '']) => ({
    language,
    text: inner,
    note,
  }));
}

/** The targets of its links, but for those to elsewhere. */
export function linksOf({ text }: Page): string[] {
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return links.filter((target) => !/^https?:/.test(target));
}

/** The anchors that its headings make, as GitHub does. */
export function anchorsOf({ text }: Page): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
