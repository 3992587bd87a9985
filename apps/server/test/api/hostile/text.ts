import fc from 'fast-check';

/** Texts that have broken somebody's service before. */
const NASTY = [
  ...['', ' ', '\0', 'a\0b', '\ud83d', '\ude00x', '\uFEFF', '\u202e', 'ſ', 'İ', '💥', '\r\nx: y'],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'null', 'undefined', 'true', 'NaN', '-0', '1e400'],
  ...['../../etc/passwd', "' or 1=1 --", '{{7*7}}', '<script>', '{{x}}', '%00', '%', '*', 'a.*', '$ref', '#/'],
  ...[
    'default',
    'app_x',
    'ep_00000000000000000000000000',
    'msg_zzzzzzzzzzzzzzzzzzzzzzzzzz',
    'https://0x7f.1/',
    'whsec_',
  ],
  ...['2026-02-30T00:00:00Z', '2026-01-01', '9999-12-31T23:59:60Z', '-271821-04-20T00:00:00Z', 'x'.repeat(3_000)],
];

export const text = fc.oneof(
  fc.constantFrom(...NASTY),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 40 }),
);

export const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(-1, 0, -0, 0.1, 1e308, 2 ** 53, 2 ** 31, 2 ** 63, 1e-320),
);

/** JSON text of anything at all: also what no object of ours can hold, such as a name twice, and 1e400. */
export const anyJson: fc.Arbitrary<string> = fc.oneof(
  { arbitrary: text.map(jsonOf), weight: 6 },
  { arbitrary: number.map((value) => (Number.isFinite(value) ? String(value) : '1e400')), weight: 5 },
  { arbitrary: fc.constantFrom('null', 'true', 'false', '{}', '[]', '1e400', '-0', '0.10', '[null]', '""'), weight: 5 },
  { arbitrary: fc.array(text.map(jsonOf), { maxLength: 5 }).map((items) => `[${items.join()}]`), weight: 2 },
  { arbitrary: fc.array(fc.tuple(text, text), { maxLength: 5 }).map(objectOf), weight: 2 },
  { arbitrary: fc.constantFrom('[', '{"a":').chain(nested), weight: 1 },
  { arbitrary: fc.integer({ min: 51, max: 20_000 }).map((length) => `[${'"a",'.repeat(length)}"a"]`), weight: 1 },
  { arbitrary: fc.integer({ min: 1_000, max: 400_000 }).map((length) => `"${'x'.repeat(length)}"`), weight: 1 },
);

/** Deeper than any recursion goes. */
function nested(opening: string): fc.Arbitrary<string> {
  const closing = opening === '[' ? ']' : '}';
  const inner = opening === '[' ? '' : '1';
  return fc
    .oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 100, max: 40_000 }))
    .map((depth) => opening.repeat(depth) + inner + closing.repeat(depth));
}

function objectOf(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([name, value]) => `${jsonOf(name)}:${jsonOf(value)}`).join()}}`;
}

/** A value that JSON has a form for. */
export function jsonOf(value: unknown): string {
  return JSON.stringify(value) ?? 'null';
}
