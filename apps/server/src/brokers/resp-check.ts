import type { Inspect } from '../egress/contained-socket.ts';

/** What one answer of a Redis server may be. None that is asked for here comes near. */
export interface RespLimits {
  /** Elements of arrays that were announced and did not come yet: the client makes room for all at once. */
  readonly elements: number;
  /** Arrays within each other. */
  readonly depth: number;
  /** Of what is no bulk string: a status, an error, a number, a length. */
  readonly lineBytes: number;
  readonly bulkBytes: number;
  readonly answerBytes: number;
}

export const RESP_LIMITS: RespLimits = {
  elements: 100_000,
  depth: 16,
  lineBytes: 64 * 1024,
  bulkBytes: 64 * 1024 * 1024,
  answerBytes: 256 * 1024 * 1024,
};

const CR = 0x0d;
const LF = 0x0a;
const LENGTH = /^(?:-1|\d{1,9})$/;
const INTEGER = /^[+-]?\d{1,20}$/;

/**
 * Reads along with the client what a server says in RESP2, and throws before the client sees an answer that is over the
 * limits. The client believes every length: `*30000000` has it make an array of so many elements before one is there, and
 * a few hundred bytes of these end the process for want of memory.
 *
 *   line ──status, error, number──▶ value ──of an array with more to come, or of none──▶ line
 *     ├──$length──▶ body ──all of it──▶ value
 *     └──*length──▶ line, of its first element
 *
 * Whatever the client might read otherwise than this does is refused: a length that is no number, a line without its end,
 * types of RESP3.
 */
export function respCheck(limits: RespLimits = RESP_LIMITS): Inspect {
  /** How many elements are still to come of each array, the outermost first. */
  const arrays: number[] = [];
  let announced = 0;
  let line = '';
  let isLineEnding = false;
  /** Bytes still to come of a bulk string, with its end. */
  let body = 0;
  let answerBytes = 0;

  const value = () => {
    for (let left = arrays.pop(); left !== undefined; left = arrays.pop()) {
      announced--;
      if (left > 1) return void arrays.push(left - 1);
    }
    answerBytes = 0;
  };

  const array = (length: number) => {
    if (length <= 0) return value();
    announced += length;
    if (announced > limits.elements) throw refusal(`an array of ${length} elements`);
    if (arrays.push(length) > limits.depth) throw refusal('arrays within arrays');
  };

  const bulk = (length: number) => {
    if (length < 0) return value();
    if (length > limits.bulkBytes) throw refusal(`a string of ${length} bytes`);
    body = length + 2;
  };

  const whole = () => {
    const [type, rest] = [line[0], line.slice(1)];
    line = '';
    if (type === '+' || type === '-') return value();
    if (type === ':' && INTEGER.test(rest)) return value();
    if (type === '*' && LENGTH.test(rest)) return array(Number(rest));
    if (type === '$' && LENGTH.test(rest)) return bulk(Number(rest));
    throw refusal('what is no RESP2');
  };

  const readLine = (chunk: Buffer, at: number): number => {
    if (isLineEnding) {
      isLineEnding = false;
      if (chunk[at] !== LF) throw refusal('a line without its end');
      whole();
      return at + 1;
    }
    const end = chunk.indexOf(CR, at);
    const to = end === -1 ? chunk.length : end;
    if (line.length + to - at > limits.lineBytes) throw refusal('a line without its end');
    line += chunk.toString('latin1', at, to);
    isLineEnding = end !== -1;
    return isLineEnding ? to + 1 : to;
  };

  const readBody = (chunk: Buffer, at: number): number => {
    const taken = Math.min(body, chunk.length - at);
    body -= taken;
    if (body === 0) value();
    return at + taken;
  };

  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      const from = at;
      at = body > 0 ? readBody(chunk, at) : readLine(chunk, at);
      answerBytes = arrays.length === 0 && body === 0 && line === '' ? 0 : answerBytes + at - from;
      if (answerBytes > limits.answerBytes) throw refusal('an answer without an end');
    }
  };
}

function refusal(what: string): Error {
  return new Error(`the server sent ${what}`);
}
