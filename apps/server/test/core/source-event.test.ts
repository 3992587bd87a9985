import { describe, expect, test } from 'vitest';
import { DESTINATIONS, SOURCES } from '../../src/core/broker/all.ts';
import { type EventTypeRule, readEvent } from '../../src/core/source-event.ts';

const HEADER: EventTypeRule = { header: 'Event-Type' };

function read(body: string | Buffer, headers: Record<string, string> = {}, rule: EventTypeRule = HEADER) {
  const event = readEvent(rule, { body: Buffer.from(body), headers });
  return event.ok ? [event.eventType, event.payload] : event.reason;
}

describe('a message of a queue', () => {
  test('has its event type where the source says', () => {
    expect(read('{"a":1}', {}, { value: 'order.paid' })).toEqual(['order.paid', '{"a":1}']);
    expect(read('[1]', { 'event-type': 'order.paid' })).toEqual(['order.paid', '[1]']);
    expect(read('[1]', { 'EVENT-TYPE': 'order.paid' })).toEqual(['order.paid', '[1]']);
    const payload = '{"type":"order.paid"}';
    expect(read(payload, {}, { field: 'type' })).toEqual(['order.paid', payload]);
  });

  test('is a payload as it stands, without what is around it', () => {
    const text = '{ "n": 1.0, "big": 12345678901234567890, "e": "\\u00e9", "e": 2 }';
    expect(read(` \r\n${text}\n`, { 'event-type': 'a' })).toEqual(['a', text]);
  });

  test.each([
    ['nothing', ''],
    ['text', 'hello'],
    ['a number', '12'],
    ['null', 'null'],
    ['half of an object', '{"a":'],
    ['no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['a zero byte', '{"a":"\0"}'],
  ])('is no event where it is %s', (_, body) => {
    expect(read(body, { 'event-type': 'a' })).toBe('payload_not_json');
  });

  test('is too large over 256 KiB, whatever is in it', () => {
    const most = JSON.stringify(['x'.repeat(256 * 1024 - 4)]);
    expect(read(most, { 'event-type': 'a' })).toEqual(['a', most]);
    expect(read(`${most} `, { 'event-type': 'a' })).toBe('payload_too_large');
  });

  test.each([
    ['no such header', '{}', HEADER],
    ['no such member', '{}', { field: 'type' }],
    ['an inherited one', '{}', { field: 'toString' }],
    ['a member that is no text', '{"type":1}', { field: 'type' }],
    ['a member of a list', '["type"]', { field: 'length' }],
  ] satisfies [string, string, EventTypeRule][])('has no event type where there is %s', (_, body, rule) => {
    expect(read(body, {}, rule)).toBe('event_type_missing');
  });

  test.each(['a b', '.a', 'a..b', 'ä', 'x'.repeat(129), 'a\n'])('has none that is one in %j', (type) => {
    expect(read('{}', { 'event-type': type })).toBe('event_type_invalid');
  });
});

test('a source is told what a destination of its kind is told, and what only receiving needs', () => {
  const names = (fields: readonly { name: string }[]) => fields.map(({ name }) => name);
  expect(names(SOURCES.nats.fields)).toContain('consumer');
  expect(names(SOURCES.nats.fields)).not.toContain('subject');
  expect(names(DESTINATIONS.nats.fields)).not.toContain('consumer');
  expect(names(SOURCES.pubsub.fields)).not.toContain('topic');
  for (const { fields } of Object.values(SOURCES)) expect(new Set(names(fields)).size).toBe(fields.length);
});
