import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { decodeSecret, generateSecret, sign, verify } from '../src/index.ts';

// What we and the published reference library write, each other must read.
const bodies = ['{"a":1}', '', '{"name":"Zoë 🐢"}', `"${'x'.repeat(200_000)}"`];

describe.each([24, 32, 64])('with a secret of %i bytes', (bytes) => {
  const secret = generateSecret(bytes);
  const reference = new Webhook(secret);
  const timestamp = Math.floor(Date.now() / 1000);

  it.each(bodies)('the reference library verifies what we sign (body %#)', (body) => {
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(timestamp),
      'webhook-signature': sign(decodeSecret(secret), 'msg_1', timestamp, body),
    };
    expect(() => reference.verify(body, headers, { jsonParse: false })).not.toThrow();
    expect(() => reference.verify(`${body} `, headers, { jsonParse: false })).toThrow();
  });

  it.each(bodies)('we verify what the reference library signs (body %#)', (body) => {
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(timestamp),
      'webhook-signature': reference.sign('msg_1', new Date(timestamp * 1000), body),
    };
    expect(verify(body, headers, secret)).toEqual({ id: 'msg_1', timestamp });
  });
});
