// Puts the catalogue into Postrider. Again is no harm: what has not changed stays as it is.
import { readFile } from 'node:fs/promises';
import { post } from './postrider.mjs';

const catalogue = JSON.parse(await readFile(new URL('catalogue.json', import.meta.url), 'utf8'));
const { created, updated, unchanged } = await post('/v1/event-types/import', catalogue);
console.log(`${created.length} event types created, ${updated.length} updated, ${unchanged.length} unchanged`);
