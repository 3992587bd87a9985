/**
 * The source text of one top-level member of a JSON object, so that a payload can be sent on byte for byte as it was
 * posted: parsing and printing again would change `1.0`, large numbers, escapes and white space.
 *
 * @param json text that JSON.parse accepts and whose value is an object.
 * @returns the member's text, or null where there is none. The last one wins, as in JSON.parse.
 */
export function memberSource(json: string, name: string): string | null {
  let at = skipSpace(json, json.indexOf('{') + 1);
  let found: string | null = null;
  while (json.charCodeAt(at) === QUOTE) {
    const keyEnd = stringEnd(json, at);
    const key = json.slice(at + 1, keyEnd - 1);
    const isWanted = key === name || (key.includes('\\') && JSON.parse(json.slice(at, keyEnd)) === name);
    const start = skipSpace(json, skipSpace(json, keyEnd) + 1);
    const end = valueEnd(json, start);
    if (isWanted) found = json.slice(start, end);
    at = skipSpace(json, end);
    if (json.charCodeAt(at) !== COMMA) break;
    at = skipSpace(json, at + 1);
  }
  return found;
}

/**
 * The source texts of the elements of a JSON array.
 *
 * @param json text that JSON.parse accepts and whose value is an array.
 */
export function elementSources(json: string): string[] {
  const sources: string[] = [];
  let at = skipSpace(json, json.indexOf('[') + 1);
  while (json.charCodeAt(at) !== CLOSING_BRACKET) {
    const end = valueEnd(json, at);
    sources.push(json.slice(at, end));
    at = skipSpace(json, end);
    if (json.charCodeAt(at) === COMMA) at = skipSpace(json, at + 1);
  }
  return sources;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const CLOSING_BRACKET = 0x5d;

function skipSpace(json: string, at: number): number {
  for (;;) {
    const code = json.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at++;
  }
}

/** Just past the closing quote of the string that opens at `at`. */
function stringEnd(json: string, at: number): number {
  let end = at;
  for (;;) {
    end = json.indexOf('"', end + 1);
    let backslashes = 0;
    while (json.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    // An even run of backslashes escapes itself, so the quote is real.
    if (backslashes % 2 === 0) return end + 1;
  }
}

function valueEnd(json: string, at: number): number {
  const first = json[at];
  if (first === '"') return stringEnd(json, at);
  if (first === '{' || first === '[') return nestedEnd(json, at);
  // A number or a word ends at the next comma, bracket or space.
  const end = json.slice(at).search(/[,}\]\s]/);
  return end === -1 ? json.length : at + end;
}

function nestedEnd(json: string, at: number): number {
  let depth = 0;
  for (let here = at; ; here++) {
    const code = json.charCodeAt(here);
    if (code === QUOTE) here = stringEnd(json, here) - 1;
    else if (code === 0x7b || code === 0x5b) depth++;
    else if ((code === 0x7d || code === 0x5d) && --depth === 0) return here + 1;
  }
}
