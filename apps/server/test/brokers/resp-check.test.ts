import { describe, expect, test } from 'vitest';
import { RESP_LIMITS, respCheck } from '../../src/brokers/resp-check.ts';

const SMALL = { elements: 10, depth: 3, lineBytes: 20, bulkBytes: 30, answerBytes: 60 };

/** What stands against a text, however it is cut. */
function verdict(text: string, limits = RESP_LIMITS): string {
  const bytes = Buffer.from(text, 'latin1');
  const cuts = [bytes.length, 1, 2, 3, 7].map((size) => {
    const check = respCheck(limits);
    try {
      for (let at = 0; at < bytes.length; at += size) check(bytes.subarray(at, at + size));
      return 'passes';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  });
  const [first = ''] = cuts;
  expect(new Set(cuts)).toEqual(new Set([first]));
  return first;
}

const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;

describe('passes', () => {
  test.each([
    '+OK\r\n',
    '-ERR *30000000 is \n no length\r\n',
    ':-1\r\n:+9223372036854775807\r\n',
    '$-1\r\n*-1\r\n*0\r\n$0\r\n\r\n',
    `*2\r\n*2\r\n${bulk('a')}:1\r\n*1\r\n*0\r\n+OK\r\n`,
    `*1\r\n*2\r\n${bulk('stream')}*1\r\n*2\r\n${bulk('1-1')}*2\r\n${bulk('body')}${bulk('{}')}`,
  ])('an answer of a server: %j', (text) => {
    expect(verdict(text)).toBe('passes');
  });

  test('a string that holds what looks like an array', () => {
    expect(verdict(`${bulk('*30000000\r\n')}*1\r\n${bulk('\r\n*30000000\r\n$5\r')}`)).toBe('passes');
  });

  test('any number of answers, each within the limits', () => {
    expect(verdict(`*3\r\n:1\r\n:2\r\n${bulk('a'.repeat(30))}+OK\r\n`.repeat(100), SMALL)).toBe('passes');
  });
});

describe('is refused', () => {
  test.each([
    ['*30000000\r\n', 'an array of 30000000 elements'],
    ['+OK\r\n*100001\r\n', 'an array of 100001 elements'],
    ['*60000\r\n*60000\r\n', 'an array of 60000 elements'],
    [`*1\r\n${bulk('a')}${'*1\r\n'.repeat(17)}`, 'arrays within arrays'],
    ['$67108865\r\n', 'a string of 67108865 bytes'],
    [`+${'a'.repeat(70_000)}`, 'a line without its end'],
    ['+OK\r+OK\r\n', 'a line without its end'],
    ['*:\r\n', 'what is no RESP2'],
    ['*1e9\r\n', 'what is no RESP2'],
    ['*-30000000\r\n', 'what is no RESP2'],
    ['*9999999999\r\n', 'what is no RESP2'],
    ['$\r\n', 'what is no RESP2'],
    [':a\r\n', 'what is no RESP2'],
    ['\r\n', 'what is no RESP2'],
    ['%30000000\r\n', 'what is no RESP2'],
    ['~30000000\r\n', 'what is no RESP2'],
    ['>30000000\r\n', 'what is no RESP2'],
    ['HTTP/1.1 400 Bad Request\r\n', 'what is no RESP2'],
  ])('%j', (text, what) => {
    expect(verdict(text)).toBe(`the server sent ${what}`);
  });

  test('an array that was not filled before another one', () => {
    expect(verdict('*6\r\n:1\r\n*5\r\n', SMALL)).toBe('passes');
    expect(verdict('*6\r\n:1\r\n*6\r\n', SMALL)).toBe('the server sent an array of 6 elements');
  });

  test('an answer without an end, of strings that are each within the limit', () => {
    expect(verdict(`*3\r\n${bulk('a'.repeat(20)).repeat(3)}`, SMALL)).toBe('the server sent an answer without an end');
  });
});
