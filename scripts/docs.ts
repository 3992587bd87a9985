import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DOCS, madePages } from './docs/pages.ts';

/** `npm run docs`: writes what is made of code into docs/. A test fails while it is stale. */
for (const [name, text] of Object.entries(madePages())) writeFileSync(join(DOCS, name), text);
