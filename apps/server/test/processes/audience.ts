import type { Receiver } from '@postrider/receiver';
import type { Api } from '../kit/api.ts';

/** One endpoint under test. Its label ends the path it is called at. */
export interface Listener {
  readonly id: string;
  readonly label: string;
  readonly hears: (eventType: string) => boolean;
}

/** The endpoints of one application. */
export interface Audience {
  /** Its `uid`, as in /v1/app/{uid}/messages. */
  readonly application: string;
  readonly listeners: readonly Listener[];
}

export interface Interest {
  readonly name: string;
  readonly events: readonly string[];
  readonly hears: (eventType: string) => boolean;
  /** Of the endpoint, besides. */
  readonly settings?: object;
}

/** Places of the endpoint that has only so many. */
export const NARROW = 3;

/** One of these event types reaches one endpoint of three, one two, one all three. */
export const EVENT_TYPES = ['user.created', 'order.paid', 'order.refunded'];
export const ONE_TWO_OR_THREE: readonly Interest[] = [
  { name: 'all', events: ['*'], hears: () => true },
  { name: 'orders', events: ['order.*'], hears: (type) => type.startsWith('order.') },
  { name: 'refunds', events: ['order.refunded'], hears: (type) => type === 'order.refunded' },
];
export const ALWAYS_TWO: readonly Interest[] = [
  { name: 'one', events: ['*'], hears: () => true },
  { name: 'other', events: ['user.*', 'order.*'], hears: () => true },
];

/** One endpoint of each kind that goes through its lane, and one that does not. */
export const EVERY_LANE: readonly Interest[] = [
  { name: 'free', events: ['*'], hears: () => true },
  { name: 'ordered', events: ['*'], hears: () => true, settings: { ordering: 'fifo' } },
  { name: 'narrow', events: ['*'], hears: () => true, settings: { max_in_flight: NARROW } },
  { name: 'limited', events: ['*'], hears: () => true, settings: { rate_limit: 200 } },
];

/** Seconds. So many retries that no crash loop uses them up. */
const PATIENT = [0.2, 0.2, 0.5, 1, 1, ...Array.from({ length: 45 }, () => 2)];

/** An application with its endpoints, whose signatures the receiver can check. */
export async function invite(
  api: Api,
  receiver: Receiver,
  application: string,
  interests: readonly Interest[],
  how: { readonly urlOf: (label: string) => string; readonly timeoutSeconds: number },
): Promise<Audience> {
  created(await api.post('/v1/app', { uid: application, name: application }));
  const listeners: Listener[] = [];
  for (const { name, events, hears, settings } of interests) {
    const label = `${application}-${name}`;
    const url = how.urlOf(label);
    const body = created(
      await api.post(`/v1/app/${application}/endpoints`, {
        url,
        events,
        timeout_seconds: how.timeoutSeconds,
        retry_policy: PATIENT,
        ...settings,
      }),
    );
    receiver.trust(String(body.secret), new URL(url).pathname);
    listeners.push({ id: String(body.id), label, hears });
  }
  return { application, listeners };
}

function created(reply: Awaited<ReturnType<Api['post']>>) {
  if (reply.status !== 201) throw new Error(`could not be made: ${reply.status} ${reply.text}`);
  return reply.body;
}
