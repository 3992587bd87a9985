import { setTimeout as delay } from 'node:timers/promises';
import type { Api } from '../kit/api.ts';

/** A delivery as the API shows it; of its fields, those that matter here. */
export interface DeliveryView {
  readonly id: string;
  readonly message_id: string;
  readonly endpoint_id: string;
  readonly status: 'PENDING' | 'SENDING' | 'SENT' | 'FAILED';
  readonly attempt_count: number;
}

const OPEN = ['PENDING', 'SENDING'] as const;
const LOOK_AGAIN_MS = 250;

/** Waits until every delivery has ended. @throws after `limitMs`, showing some of those that have not. */
export async function settled(api: Api, limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const open = (await Promise.all(OPEN.map((status) => page(api, `status=${status}&limit=5`)))).flatMap(
      ({ data }) => data,
    );
    if (open.length === 0) return;
    if (performance.now() > deadline) {
      throw new Error(`deliveries that do not end within ${limitMs} ms, for example ${JSON.stringify(open, null, 1)}`);
    }
    await delay(LOOK_AGAIN_MS);
  }
}

/** Every delivery of the environment, by `deliveryKey`. @throws where a message has two to one endpoint. */
export async function allDeliveries(api: Api): Promise<Map<string, DeliveryView>> {
  const all = new Map<string, DeliveryView>();
  let cursor = '';
  for (;;) {
    const { data, next_cursor } = await page(api, `limit=100${cursor}`);
    for (const delivery of data) {
      const key = deliveryKey(delivery.message_id, delivery.endpoint_id);
      if (all.has(key)) throw new Error(`two deliveries of ${key}`);
      all.set(key, delivery);
    }
    if (next_cursor === null) return all;
    cursor = `&cursor=${next_cursor}`;
  }
}

export function deliveryKey(messageId: string, endpointId: string): string {
  return `${messageId} ${endpointId}`;
}

async function page(api: Api, query: string): Promise<{ data: DeliveryView[]; next_cursor: string | null }> {
  const reply = await api.get(`/v1/deliveries?${query}`);
  if (reply.status !== 200) throw new Error(`deliveries cannot be listed: ${reply.status} ${reply.text}`);
  return JSON.parse(reply.text);
}
