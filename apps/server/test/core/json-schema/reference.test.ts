import { Ajv, type Options } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prepareSchema } from '../../../src/core/json-schema/prepare.ts';
import { validate } from '../../../src/core/json-schema/validate.ts';
import { documentOf, value } from './generated.ts';

const RUNS = Number(process.env.POSTRIDER_TEST_RUNS ?? 250);
const options: Options = { strict: false, logger: false, validateFormats: false };

/** Ajv's verdicts on the same schema; null where it does not take the schema. */
function ajvOf(dialect: '2020-12' | '7', schema: object): ((each: unknown) => boolean) | null {
  const ajv = dialect === '7' ? new Ajv(options) : new Ajv2020(options);
  if (!ajv.validateSchema(schema)) return null;
  const check = ajv.compile(schema);
  return (each) => check(each) as boolean;
}

for (const dialect of ['2020-12', '7'] as const) {
  test(`a generated schema of draft ${dialect} judges generated values as Ajv's code for it does`, () => {
    const verdicts = { good: 0, bad: 0 };
    const property = fc.property(
      documentOf(dialect),
      fc.array(value, { minLength: 8, maxLength: 12 }),
      (schema, each) => {
        const text = JSON.stringify(schema);
        const source: object = JSON.parse(text);
        const preparation = prepareSchema(source);
        const ajv = ajvOf(dialect, JSON.parse(text));
        expect(preparation.ok, text).toBe(ajv !== null);
        if (!preparation.ok || !ajv) return;
        for (const one of each) {
          const isGood = ajv(one);
          verdicts[isGood ? 'good' : 'bad']++;
          const faults = validate(preparation.schema, one, JSON.stringify(one).length);
          expect(faults.length === 0, `${JSON.stringify(one)} by ${text}: ${JSON.stringify(faults)}`).toBe(isGood);
        }
      },
    );
    fc.assert(property, { numRuns: RUNS, seed: 20_261_121 });
    // Neither is what always comes out.
    expect(Math.min(verdicts.good, verdicts.bad)).toBeGreaterThan(RUNS);
  });

  test(`a schema of draft ${dialect} with a wrong part is refused where Ajv's meta-schema refuses it`, () => {
    const bent = fc.tuple(documentOf(dialect), fc.nat(), value).map(([schema, at, replacement]) => {
      const copy = JSON.parse(JSON.stringify(schema));
      const places = placesIn(copy);
      const place = places[at % places.length];
      if (place) place.holder[place.key] = replacement;
      return copy as Record<string, unknown>;
    });
    const verdicts = { taken: 0, refused: 0 };
    const property = fc.property(bent, (schema) => {
      // References and anchors are not the meta-schema's business, `$schema` picks it, and what is enough of a pattern differs.
      const text = JSON.stringify(schema);
      fc.pre(!/"\$(ref|id|anchor)":/.test(text) || !/"\$(ref|id|anchor)":(?!"#)/.test(text));
      const isTaken = ajvTakes(dialect, schema);
      verdicts[isTaken ? 'taken' : 'refused']++;
      const preparation = prepareSchema(JSON.parse(text));
      const isOurs = preparation.ok || preparation.faults.every(({ path }) => /\/\$(ref|id|anchor|schema)$/.test(path));
      expect(isOurs, `${text}: ${JSON.stringify(preparation)}`).toBe(isTaken);
    });
    fc.assert(property, { numRuns: RUNS, seed: 20_261_121 });
    expect(Math.min(verdicts.taken, verdicts.refused)).toBeGreaterThan(RUNS / 20);
  });
}

function ajvTakes(dialect: '2020-12' | '7', schema: object): boolean {
  const { $schema: _, ...rest } = schema as Record<string, unknown>;
  return (dialect === '7' ? new Ajv(options) : new Ajv2020(options)).validateSchema(rest) === true;
}

/** Every member and item of a value, as something that can be replaced. */
function placesIn(json: unknown): { holder: Record<string, unknown>; key: string }[] {
  if (typeof json !== 'object' || json === null) return [];
  return Object.entries(json).flatMap(([key, part]) => [
    ...(SKIPPED.has(key) ? [] : [{ holder: json as Record<string, unknown>, key }]),
    ...(SKIPPED.has(key) ? [] : placesIn(part)),
  ]);
}

/** `$schema` picks the meta-schema; of `enum` Ajv asks more than the drafts do. */
const SKIPPED: ReadonlySet<string> = new Set(['$schema', 'enum']);
