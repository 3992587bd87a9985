import { RE2JS } from 're2js';

/**
 * Regular expressions of other people. V8's own engine tries one way after another, and `^(a+)+$` has more ways than
 * there is time; RE2 takes time in proportion to text and pattern. What it cannot do so (look-ahead, look-behind,
 * backreferences) is refused. Classes such as \s and \w are those of ASCII.
 */
export interface Pattern {
  /** Work (work.ts) per character, measured on the worst there is: 12 to 20 ns per character and instruction. */
  readonly stepsPerCharacter: number;
  test(text: string): boolean;
}

/** Work that a test costs before its first character: up to 0.5 µs. */
export const STEPS_PER_TEST = 3;

const MAX_LENGTH = 1_024;
/** In characters, each repetition written out. */
const MAX_SIZE = 1_000;
const INSTRUCTIONS_PER_STEP = 4;

/** What is wrong with how a pattern is written; null where nothing is. */
export function writtenFault(source: string): string | null {
  if (source.length > MAX_LENGTH) return `must have at most ${MAX_LENGTH} characters`;
  try {
    new RegExp(source, 'u');
    return null;
  } catch {
    return 'must be a regular expression of ECMAScript (with the flag u)';
  }
}

/** @returns the pattern, or what is wrong with it. */
export function compilePattern(source: string): Pattern | string {
  const fault = writtenFault(source);
  if (fault !== null) return fault;
  // Before it is compiled, which for (a{1,1000}){1,1000} would take seconds.
  if (sizeOf(source) > MAX_SIZE) return `must have at most ${MAX_SIZE} characters with its repetitions written out`;
  try {
    const compiled = RE2JS.compile(RE2JS.translateRegExp(source));
    return {
      stepsPerCharacter: Math.max(1, compiled.programSize() / INSTRUCTIONS_PER_STEP),
      test: (text) => compiled.test(text),
    };
  } catch {
    return 'must do without look-around, backreferences and Unicode properties other than categories and scripts';
  }
}

/**
 * How long a valid pattern is with its repetitions written out, at most. Of one that is not valid it may look for the end
 * of a class from each of ten thousand brackets: 0.1 s.
 */
export function sizeOf(source: string): number {
  // Of each group that is open: what came before in it, and the last atom, which a repetition multiplies.
  const open: { sum: number; last: number }[] = [];
  let here = { sum: 0, last: 0 };
  const atom = (size: number) => {
    here = { sum: here.sum + here.last, last: size };
  };
  for (let at = 0; at < source.length; at++) {
    const rest = source.slice(at);
    const token = /^(?:\\[uxpP]\{[^}]*\}|\\.|\[(?:\\.|[^\]\\])*\]|\{(\d+)(?:,(\d*))?\})/su.exec(rest);
    if (token?.[1] !== undefined) {
      here = { ...here, last: here.last * Math.max(1, Number(token[1]), Number(token[2] ?? 0)) };
    } else if (rest[0] === '(') {
      open.push(here);
      here = { sum: 0, last: 0 };
    } else if (rest[0] === ')') {
      const size = here.sum + here.last + 1;
      here = open.pop() ?? here;
      atom(size);
    } else {
      atom(1);
    }
    at += (token?.[0].length ?? 1) - 1;
  }
  return here.sum + here.last;
}
