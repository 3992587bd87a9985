import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Behaviour, Reply } from './behaviours/behaviour.ts';
import type { Inbox } from './inbox/inbox.ts';
import { readBody } from './read-body.ts';
import type { Verdict } from './record.ts';
import type { Recorder } from './recorder.ts';
import { after } from './socket-timers.ts';

// Over the largest message that any known webhook service sends (Postrider, Svix and Stripe stay under 1 MB).
const MAX_BODY_BYTES = 8 * 1024 * 1024;

// Longer than a sender's pool keeps a socket: Node's own 5 s makes a race that belongs to /keep-alive-close.
export const KEEP_ALIVE_TIMEOUT_MS = 120_000;

const TOO_LARGE: Reply = { status: 413, body: `at most ${MAX_BODY_BYTES} bytes\n` };

export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** Request → inbox page, or: read → record → decide → answer. The same for HTTP and HTTPS. */
export function honestHandler(
  behaviours: ReadonlyMap<string, Behaviour>,
  recorder: Recorder,
  inbox: Inbox,
): HttpHandler {
  return (request, response) => {
    const target = request.url ?? '/';
    const mark = target.indexOf('?');
    const path = mark < 0 ? target : target.slice(0, mark);
    const query = mark < 0 ? '' : target.slice(mark);
    if (inbox.serves(request.method, path)) return inbox.answer(request.headers.host, path, query, response);

    readBody(request, MAX_BODY_BYTES, (body) => {
      let verdict: Verdict | undefined;
      if (recorder.mode === 'none') recorder.tick();
      else
        verdict = recorder.record({ method: request.method ?? '', path, query, headers: flat(request.headers), body });
      if (!body) return reply(response, TOO_LARGE);

      const [name = '', ...segments] = path.split('/').slice(1);
      const behaviour = behaviours.get(name);
      if (!behaviour) return reply(response, unknown(name, behaviours));
      const webhookId = request.headers['webhook-id']?.toString();
      const answer = behaviour({ path, segments, query: new URLSearchParams(query), webhookId, verdict });
      if (answer !== 'silence') reply(response, answer);
    });
  };
}

function flat(headers: IncomingMessage['headers']): Record<string, string> {
  const flattened: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) flattened[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return flattened;
}

function unknown(name: string, behaviours: ReadonlyMap<string, Behaviour>): Reply {
  // Not 200: a test of /stauts/503 would pass for the wrong reason.
  const known = [...behaviours.keys()].filter((known) => known !== '').map((known) => `/${known}`);
  return { status: 404, body: `no behaviour /${name}; there are ${known.join(' ')}\n` };
}

function reply(response: ServerResponse, { status, headers, body, delayMs, until }: Reply): void {
  const write = () => {
    if (response.destroyed) return;
    try {
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers });
      response.end(status === 204 || status === 304 ? undefined : body);
    } catch (error) {
      // A retry-after with a line break in it, say: Node refuses to send what is not a header.
      response.writeHead(400).end(`${error instanceof Error ? error.message : 'unsendable answer'}\n`);
    }
  };
  if (until) until.then(write, write);
  else if (delayMs === undefined) write();
  else after(response, delayMs, write);
}
