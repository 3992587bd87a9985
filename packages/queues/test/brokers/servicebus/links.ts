import rhea, { type Connection, type Delivery, type EventContext, type Message, type Sender } from 'rhea';
import type { Hold, Queue } from './queue.ts';
import { bytesOf, outgoing, textOf, ticks, tokenOf } from './wire.ts';

const SESSION_FILTER = 'com.microsoft:session-filter';
const TIMEOUT = 'com.microsoft:timeout';
/** Where a client does not say how long it waits for a session. */
const ACCEPT_MS = 60_000;

export interface Failure {
  readonly condition: string;
  readonly description: string;
}

/** What the library has and its types do not name. */
interface Outcome {
  described(): never;
}
const outcomes = rhea.message as unknown as {
  accepted(fields: object): Outcome;
  rejected(fields: { error: Failure }): Outcome;
};
interface Inner {
  credit: number;
  delivery_count: number;
  issue_flow: boolean;
  _get_drain(): boolean;
  readonly state: { local_open: boolean; open_requests: number };
  readonly local: { readonly attach: { properties?: unknown; source?: unknown } };
  open(): void;
}
const inner = (link: Sender) => link as unknown as Inner;

/** A link on which the messages of a queue go out. */
interface Outlet {
  readonly queue: Queue;
  readonly hold: Hold | null;
}

/** A link that waits for a session. */
interface Waiting {
  readonly link: Sender;
  readonly queue: Queue;
  readonly timer: NodeJS.Timeout;
}

/** Links on which messages go out, each as far as its client gave credit. */
export class Outlets {
  readonly #open = new Map<Sender, Outlet>();
  readonly #waiting = new Set<Waiting>();
  readonly #due = new Set<Queue>();

  /** A client opens a link to receive on: at once, or, where it asks for a session, once it can have one. */
  attach(link: Sender, queue: Queue): Failure | null {
    const filter = link.source?.filter;
    const asksForSession = filter !== undefined && filter !== null && SESSION_FILTER in filter;
    if (asksForSession !== queue.settings.requiresSession) {
      const [is, made] = asksForSession ? ['does not require', 'a sessionful'] : ['requires', 'a non-sessionful'];
      const description = `It is not possible for an entity that ${is} sessions to create ${made} message receiver.`;
      return { condition: 'amqp:not-allowed', description };
    }
    queue.onReady = () => this.#serve(queue);
    if (!asksForSession) {
      this.#open.set(link, { queue, hold: null });
      return null;
    }
    const wanted = filter[SESSION_FILTER];
    if (typeof wanted === 'string') {
      const hold = queue.accept(wanted, Date.now());
      if (hold) this.#hold(link, queue, hold);
      const description = `The requested session '${wanted}' cannot be accepted. It may be locked by another receiver.`;
      return hold ? null : { condition: 'com.microsoft:session-cannot-be-locked', description };
    }
    this.#wait(link, queue);
    return null;
  }

  detach(link: Sender): void {
    const outlet = this.#open.get(link);
    this.#open.delete(link);
    if (outlet?.hold) outlet.queue.release(outlet.hold);
    for (const each of this.#waiting) if (each.link === link) this.#giveUp(each);
  }

  disconnect(connection: Connection): void {
    for (const { link } of this.#waiting) if (link.connection === connection) this.detach(link);
    for (const link of this.#open.keys()) if (link.connection === connection) this.detach(link);
  }

  /** There is credit. */
  serve(link: Sender): void {
    inner(link)._get_drain = () => false;
    const outlet = this.#open.get(link);
    if (outlet) this.#serve(outlet.queue);
  }

  /** The client takes its credit back. It waits for an answer even where that crossed the last message; the library gives none. */
  drain(link: Sender): void {
    const known = inner(link);
    known.delivery_count += known.credit;
    known.credit = 0;
    known._get_drain = () => true;
    known.issue_flow = true;
  }

  /** The client has said what becomes of a message. */
  settle({ sender, delivery }: EventContext, how: (queue: Queue, token: string) => boolean): void {
    const outlet = sender && this.#open.get(sender);
    if (!outlet || !delivery || !Buffer.isBuffer(delivery.tag)) return;
    const isHeld = how(outlet.queue, tokenOf(delivery.tag));
    const condition = `com.microsoft:${outlet.hold ? 'session' : 'message'}-lock-lost`;
    const error = { condition, description: 'The lock supplied is invalid.' };
    const answer = () => {
      delivery.update(true, (isHeld ? outcomes.accepted({}) : outcomes.rejected({ error })).described());
      // Nothing more comes from the client: the library would wait for it, and keep the delivery.
      (delivery as Delivery & { remote_settled: boolean }).remote_settled = true;
    };
    if (isHeld) answer();
    else apart(answer);
  }

  /** Soon, and once for all that asked: links know their credit only when what was sent has gone. */
  #serve(queue: Queue): void {
    if (this.#due.has(queue)) return;
    this.#due.add(queue);
    setImmediate(() => {
      this.#due.delete(queue);
      for (const waiting of this.#waiting) if (waiting.queue === queue) this.#try(waiting);
      for (const [link, outlet] of this.#open) if (outlet.queue === queue) this.#fill(link, outlet);
    });
  }

  #fill(link: Sender, { queue, hold }: Outlet): void {
    for (let room = link.sendable() ? inner(link).credit : 0; room > 0; room--) {
      const taken = link.sendable() ? queue.take(hold, Date.now()) : null;
      if (!taken) return;
      link.send(outgoing(taken.message, taken.until), bytesOf(taken.token));
    }
  }

  /** The library has opened it already, and not yet said so to the client. */
  #wait(link: Sender, queue: Queue): void {
    Object.assign(inner(link).state, { local_open: false, open_requests: 0 });
    const ms = Number(link.properties?.[TIMEOUT] ?? ACCEPT_MS);
    const waiting: Waiting = {
      link,
      queue,
      timer: setTimeout(() => {
        this.#giveUp(waiting);
        inner(link).open();
        const description = `The operation did not complete within the allotted timeout of ${ms} ms.`;
        link.close({ condition: TIMEOUT, description });
      }, ms),
    };
    this.#waiting.add(waiting);
    this.#try(waiting);
  }

  #try(waiting: Waiting): void {
    const hold = waiting.queue.accept(null, Date.now());
    if (!hold) return;
    this.#giveUp(waiting);
    this.#hold(waiting.link, waiting.queue, hold);
    inner(waiting.link).open();
  }

  #giveUp(waiting: Waiting): void {
    clearTimeout(waiting.timer);
    this.#waiting.delete(waiting);
  }

  #hold(link: Sender, queue: Queue, hold: Hold): void {
    link.set_source({ address: textOf(link.source?.address), filter: { [SESSION_FILTER]: hold.id } });
    inner(link).local.attach.properties = { 'com.microsoft:locked-until-utc': rhea.types.wrap_long(ticks(hold.until)) };
    this.#open.set(link, { queue, hold });
    hold.onLost = () => {
      this.#open.delete(link);
      const description = 'The session lock has expired. Accept a new session.';
      link.close({ condition: 'com.microsoft:session-lock-lost', description });
    };
  }
}

/** The library tells of two deliveries in a row with the outcome of the first, where both go out together. */
export function apart(answer: () => void): void {
  setImmediate(answer);
}

/** Links on which answers go out, by connection and by name or address. */
export class Replies {
  readonly #links = new WeakMap<Connection, Map<string, Sender>>();

  add(connection: Connection, link: Sender): void {
    const known = this.#links.get(connection) ?? new Map<string, Sender>();
    for (const key of [link.name, textOf(link.target?.address)]) known.set(key, link);
    this.#links.set(connection, known);
  }

  send(connection: Connection, request: Message, application_properties: Record<string, unknown>, body: unknown): void {
    const { message_id: correlation_id } = request;
    const link = this.#links.get(connection)?.get(textOf(request.reply_to));
    link?.send({ body, application_properties, ...(correlation_id !== undefined && { correlation_id }) });
  }
}
