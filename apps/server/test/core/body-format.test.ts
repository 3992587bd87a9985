import { expect, it } from 'vitest';
import { bodyIn } from '../../src/core/body-format.ts';
import { newId, publicId, timeOf } from '../../src/core/ids.ts';

const messageId = newId();
// White space, escapes and numbers that no parser and printer would leave alone.
const payload = '{ "b":1.0,\t"a":[1e2, -0, "\\u0041\\/"],\r\n"big":123456789012345678901234567890 }';
const content = { messageId, eventType: 'invoice.paid', eventId: null, payload };

it('is the payload itself', () => {
  expect(bodyIn('raw', content)).toBe(payload);
});

it('names event and type around the payload', () => {
  const id = publicId('msg', messageId);
  expect(bodyIn('event', content)).toBe(`{"event_id":"${id}","type":"invoice.paid","data":{"object":${payload}}}`);
});

it('has the producer’s own id of the event, whatever is in it', () => {
  const eventId = 'a"\\\n☃';
  const parsed = JSON.parse(bodyIn('event', { ...content, eventId }));
  expect(parsed).toEqual({ event_id: eventId, type: 'invoice.paid', data: { object: JSON.parse(payload) } });
});

it('names type and time of acceptance around the payload', () => {
  const time = new Date(timeOf(messageId)).toISOString();
  expect(bodyIn('standard', content)).toBe(`{"type":"invoice.paid","timestamp":"${time}","data":${payload}}`);
});
