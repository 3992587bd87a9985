/** What is sent, in every part: one payload of about 500 bytes over so many connections. */
export const CONNECTIONS = 64;
export const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
export const EVENT_TYPE = 'bench.event';
export const PAYLOAD = { type: EVENT_TYPE, timestamp: '2026-01-01T00:00:00.000Z', data: { text: 'x'.repeat(420) } };
