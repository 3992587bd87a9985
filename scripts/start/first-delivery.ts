import type { Receiver } from '../../packages/receiver/src/index.ts';

/** What `npm start` tells of its first delivery. */
export interface FirstDelivery {
  readonly eventType: string;
  readonly messageId: string;
  readonly endpointUrl: string;
  readonly status: number;
  readonly durationMs: number;
  readonly attempt: number;
}

const EVENT_TYPE = 'postrider.hello';
/** Marks the endpoint that this made, so that the next start finds it again. */
const MARK = { made_by: 'npm start' };
const PATIENCE_MS = 20_000;

/**
 * Through the public API, as any producer: an endpoint for the inbox, one message, and its delivery followed until it
 * was received and its signature verified.
 */
export async function firstDelivery(target: { url: string; key: string; inbox: Receiver }): Promise<FirstDelivery> {
  const { inbox } = target;
  const call = caller(target);
  const endpoint = await inboxEndpoint(call, `${inbox.url}/ok`);
  const { secret } = await call<{ secret: string }>('GET', `/v1/endpoints/${endpoint.id}/secret`);
  inbox.trust(secret);

  const message = await call<{ message_id: string }>('POST', '/v1/messages', {
    event_type: EVENT_TYPE,
    payload: { type: EVENT_TYPE, timestamp: new Date().toISOString(), data: { message: 'Hello from Postrider' } },
    endpoint_ids: [endpoint.id],
  });
  const [received] = await inbox.waitFor((request) => request.webhookId === message.message_id, PATIENCE_MS);
  if (!received?.verified) throw new Error(`the first delivery did not verify: ${received?.reason}`);
  const attempt = await lastAttempt(call, message.message_id);
  return {
    eventType: EVENT_TYPE,
    messageId: message.message_id,
    endpointUrl: endpoint.url,
    status: attempt.response_status,
    durationMs: attempt.duration_ms,
    attempt: attempt.number,
  };
}

interface Endpoint {
  readonly id: string;
  readonly url: string;
  readonly status: string;
  readonly metadata: Record<string, string>;
}

type Call = <Answer>(method: string, path: string, body?: unknown) => Promise<Answer>;

/** The endpoint of an earlier start, its URL put right if the inbox has another port now, or a new one. */
async function inboxEndpoint(call: Call, url: string): Promise<Endpoint> {
  const { data } = await call<{ data: Endpoint[] }>('GET', '/v1/endpoints?limit=100');
  const earlier = data.find((endpoint) => endpoint.metadata.made_by === MARK.made_by);
  if (!earlier) {
    return call('POST', '/v1/endpoints', { url, description: 'The inbox of `npm start`', metadata: MARK });
  }
  if (earlier.url === url && earlier.status === 'active') return earlier;
  return call('PATCH', `/v1/endpoints/${earlier.id}`, { url, active: true });
}

/** The receiver knows of a delivery a moment before its result is recorded. */
async function lastAttempt(call: Call, messageId: string) {
  type Attempt = { response_status: number; duration_ms: number; number: number };
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    const { data } = await call<{ data: { id: string; status: string }[] }>(
      'GET',
      `/v1/deliveries?message_id=${messageId}`,
    );
    const sent = data.find((delivery) => delivery.status === 'SENT');
    if (sent) {
      const attempts = await call<{ data: Attempt[] }>('GET', `/v1/deliveries/${sent.id}/attempts`);
      const last = attempts.data[0];
      if (last) return last;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`message ${messageId} was not recorded as SENT within ${PATIENCE_MS / 1000} s`);
}

function caller({ url, key }: { url: string; key: string }): Call {
  return async <Answer>(method: string, path: string, body?: unknown) => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as Answer;
  };
}
