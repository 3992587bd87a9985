import type { Dispatcher } from 'undici';
import type { IncomingHttpHeaders } from 'undici/types/header.js';
import { Answer } from './answer.ts';
import type { Connection } from './connection.ts';
import { type ConnectProgress, stepTimeout } from './connector.ts';
import { EgressError } from './error-code.ts';
import type { EgressRequest, Exchange, Timings } from './exchange.ts';
import { classify, isDisconnect, type Stage } from './failure.ts';
import type { OriginPool } from './origin-pool.ts';

/** A receiver may send any number of 1xx before its answer; parsing an endless flood of them is our processor's time. */
const MAX_INTERIM = 100;

/**
 * One POST on its way, and the handler undici calls for it.
 *
 *   queued → connecting (dns → connect → tls) → headers → body → settled
 *
 * `queued`: waiting for a connection. A kept-alive one skips `connecting`. `headers`: the request is written. `settled`
 * is entered once, by whatever comes first: the end of the body, the 4,096th byte of it, a failure, the deadline, the
 * caller's signal. Whoever settles other than by the end of the body also gives up the connection.
 *
 * One step back: a connection that was *reused* and is closed by its peer before any byte of an answer goes to `queued`
 * again, once, for a fresh connection. The likely cause is that the receiver closed an idle socket just as we took it,
 * and the message would wait for its next attempt for nothing. It may also be that the receiver took the request and
 * died; then it gets it twice, which at-least-once delivery allows.
 */
export class Sending implements Dispatcher.DispatchHandler {
  readonly options: Dispatcher.DispatchOptions;
  readonly #request: EgressRequest;
  readonly #pool: OriginPool;
  readonly #resolve: (exchange: Exchange) => void;
  readonly #started = performance.now();
  readonly #timer: NodeJS.Timeout;
  #connection: Connection | null = null;
  #progress: ConnectProgress | null = null;
  #stage: 'queued' | 'connecting' | 'headers' | 'body' | 'settled' = 'queued';
  #written = 0;
  #firstByte: number | null = null;
  #interim = 0;
  readonly #answer = new Answer();

  constructor(request: EgressRequest, url: URL, pool: OriginPool, resolve: (exchange: Exchange) => void) {
    this.#request = request;
    this.#pool = pool;
    this.#resolve = resolve;
    this.options = { method: 'POST', path: url.pathname + url.search, headers: request.headers, body: request.body };
    this.#timer = setTimeout(onDeadline, request.deadlineMs, this);
    request.signal?.addEventListener('abort', this, { once: true });
    pool.assign(this);
  }

  carriedBy(connection: Connection): void {
    this.#connection = connection;
  }

  connecting(progress: ConnectProgress): void {
    this.#stage = 'connecting';
    this.#progress = progress;
  }

  onRequestStart(): void {
    this.#stage = 'headers';
    this.#written = performance.now();
  }

  onResponseStarted(): void {
    this.#firstByte ??= performance.now();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (this.#stage === 'settled') return;
    if (status < 200) {
      this.#interim++;
      if (this.#interim > MAX_INTERIM) this.#giveUp(new EgressError('invalid_response', 'too many 1xx responses'));
      return;
    }
    this.#stage = 'body';
    // rawHeaders lists names and values in turn.
    const lines = Array.isArray(controller.rawHeaders) ? controller.rawHeaders.length / 2 : 0;
    const refusal = this.#answer.start(status, headers, lines);
    if (refusal !== null) this.#giveUp(refusal);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const state = this.#answer.add(chunk);
    if (this.#stage === 'settled') {
      if (state === 'too_much') this.#abandon();
      return;
    }
    if (state === 'partial') return;
    this.#settleResponse();
    // Whatever is in the socket's buffer is parsed before this runs; a body that goes on after that is not waited for.
    setImmediate(() => this.#abandon());
  }

  onResponseEnd(): void {
    if (this.#stage !== 'settled') this.#settleResponse();
    const connection = this.#connection;
    this.#connection = null;
    connection?.release();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#stage === 'settled') {
      this.#abandon();
    } else if (this.#stage === 'headers' && this.#isStale(error)) {
      this.#stage = 'queued';
      const stale = this.#connection;
      this.#connection = null;
      stale?.replace(this);
    } else {
      this.#giveUp(classify(error, this.#step(), this.#connection?.peerClosed === true));
    }
  }

  deadline(): void {
    this.#giveUp(this.#deadlineError());
  }

  /** Of the caller's signal. */
  handleEvent(): void {
    this.#giveUp(new EgressError('aborted', 'given up by the caller'));
  }

  /** Once at most: the fresh connection leaves a progress. */
  #isStale(error: Error): boolean {
    return this.#progress === null && this.#firstByte === null && isDisconnect(error);
  }

  #step(): Stage {
    if (this.#stage === 'connecting') return this.#progress?.step ?? 'connect';
    return this.#stage === 'settled' ? 'body' : this.#stage;
  }

  #deadlineError(): EgressError {
    const limit = `${this.#request.deadlineMs} ms`;
    const step = this.#step();
    switch (step) {
      case 'queued':
        return new EgressError('queue_timeout', `no free connection to this origin within ${limit}`);
      case 'headers':
        return new EgressError('timeout', `no response within ${limit}`);
      case 'body':
        return new EgressError(
          'response_timeout',
          `status ${this.#answer.status}, but the body did not end within ${limit}`,
        );
      default:
        return stepTimeout(step);
    }
  }

  #giveUp({ code, message }: EgressError): void {
    if (this.#stage === 'settled') return;
    const durationMs = this.#elapsed();
    this.#settle({ kind: 'error', code, message: message.slice(0, 500), durationMs, timings: this.#timings() });
    this.#abandon();
  }

  #settleResponse(): void {
    const durationMs = this.#elapsed();
    this.#settle({ kind: 'response', ...this.#answer.kept(), durationMs, timings: this.#timings() });
  }

  #settle(exchange: Exchange): void {
    clearTimeout(this.#timer);
    this.#request.signal?.removeEventListener('abort', this);
    if (this.#stage === 'queued') this.#pool.withdraw(this);
    this.#stage = 'settled';
    this.#resolve(exchange);
  }

  /** Destroys the connection if this exchange still has it. */
  #abandon(): void {
    const connection = this.#connection;
    this.#connection = null;
    connection?.discard();
  }

  #elapsed(): number {
    return Math.round(performance.now() - this.#started);
  }

  #timings(): Timings {
    const { dns, connect, tls } = this.#progress?.durations ?? { dns: null, connect: null, tls: null };
    const firstByte = this.#firstByte === null ? null : this.#firstByte - this.#written;
    return { dns: whole(dns), connect: whole(connect), tls: whole(tls), first_byte: whole(firstByte) };
  }
}

function onDeadline(sending: Sending): void {
  sending.deadline();
}

function whole(milliseconds: number | null): number | null {
  return milliseconds === null ? null : Math.round(milliseconds);
}
