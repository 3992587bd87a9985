import { bodyIn } from '../core/body-format.ts';
import type { Endpoint } from '../core/endpoint.ts';
import { publicId } from '../core/ids.ts';
import { maskHeaders } from '../core/mask.ts';
import type { EgressClient } from '../egress/client.ts';
import type { LeasedDelivery } from '../store/lease.ts';
import { ownHeaders } from './signing.ts';
import type { Sent, Transport } from './transport.ts';

/** A signed POST to an endpoint's URL: the payload's own bytes in the endpoint's format, a fresh timestamp and signature on each try. */
export class WebhookTransport implements Transport {
  readonly #egress: EgressClient;

  constructor(egress: EgressClient) {
    this.#egress = egress;
  }

  async send(endpoint: Endpoint, delivery: LeasedDelivery): Promise<Sent> {
    // The message's id, not the delivery's: it stays the same on every try, so that a receiver can drop duplicates.
    const id = publicId('msg', delivery.messageId);
    const body = bodyIn(endpoint.bodyFormat, delivery);
    const ours = ownHeaders(endpoint, id, Date.now(), body);
    const custom = customHeaders(endpoint.headers, delivery.headers);
    const exchange = await this.#egress.send({
      url: endpoint.url,
      headers: custom ? { ...custom, ...ours } : ours,
      body,
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
