import { expect, test } from 'vitest';
import { kafkaCheck } from '../../src/brokers/kafka-check.ts';

function verdict(bytes: Buffer, size: number): string {
  const check = kafkaCheck(100);
  try {
    for (let at = 0; at < bytes.length; at += size) check(bytes.subarray(at, at + size));
    return 'passes';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function response(size: number, bytes = size): Buffer {
  const buffer = Buffer.alloc(4 + bytes, 0x7f);
  buffer.writeInt32BE(size);
  return buffer;
}

test.each([1, 2, 3, 5, 1_000])('responses pass that are as large as they say, in pieces of %i', (size) => {
  expect(verdict(Buffer.concat([response(4), response(100), response(17), response(50, 20)]), size)).toBe('passes');
});

test.each([1, 2, 3, 5, 1_000])('one is refused that cannot be, in pieces of %i', (size) => {
  for (const bad of [1, 0, 3, -1, 101, 0x7fffffff]) {
    const text = `the server sent a response of ${bad} bytes`;
    expect(verdict(Buffer.concat([response(40), response(bad, 1)]), size)).toBe(text);
  }
  expect(verdict(Buffer.from('HTTP/1.1 400'), size)).toBe('the server sent a response of 1213486160 bytes');
});

test('a server that speaks TLS is named as one', () => {
  expect(verdict(Buffer.from('15030300020228', 'hex'), 1_000)).toBe('Broker requires TLS.');
});
