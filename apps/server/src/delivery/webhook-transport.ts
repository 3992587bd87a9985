import { sign } from '@postrider/webhook';
import type { Endpoint } from '../core/endpoint.ts';
import { publicId } from '../core/ids.ts';
import { maskHeaders } from '../core/mask.ts';
import type { EgressClient } from '../egress/client.ts';
import type { LeasedDelivery } from '../store/lease.ts';
import type { Sent, Transport } from './transport.ts';

const USER_AGENT = 'Postrider/1.0';

/** A signed POST to an endpoint's URL: Standard Webhooks, the payload's own bytes, a fresh timestamp on each try. */
export class WebhookTransport implements Transport {
  readonly #egress: EgressClient;

  constructor(egress: EgressClient) {
    this.#egress = egress;
  }

  async send(endpoint: Endpoint, delivery: LeasedDelivery): Promise<Sent> {
    // The message's id, not the delivery's: it stays the same on every try, so that a receiver can drop duplicates.
    const id = publicId('msg', delivery.messageId);
    const timestamp = Math.floor(Date.now() / 1000);
    const ours = {
      'content-type': 'application/json',
      'user-agent': USER_AGENT,
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': sign(endpoint.signingKey, id, timestamp, delivery.payload),
    };
    const custom = customHeaders(endpoint.headers, delivery.headers);
    const exchange = await this.#egress.send({
      url: endpoint.url,
      headers: custom ? { ...custom, ...ours } : ours,
      body: delivery.payload,
      deadlineMs: endpoint.timeoutSeconds * 1000,
    });
    return {
      url: endpoint.url,
      requestHeaders: custom ? { ...maskHeaders(custom), ...ours } : ours,
      durationMs: exchange.durationMs,
      timings: exchange.timings,
      answer: exchange,
    };
  }
}

/** A message's own win over its endpoint's; null where there are none, as mostly. */
function customHeaders(ofEndpoint: Endpoint['headers'], ofMessage: LeasedDelivery['headers']) {
  for (const _ in ofEndpoint) return { ...ofEndpoint, ...ofMessage };
  return ofMessage;
}
