import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import type { Journal } from '../journal.ts';
import { isOwnHost } from './own-host.ts';

const DEFAULT_LIMIT = 100;
const FOREIGN = 'the inbox is shown at localhost and at addresses, not under other names\n';

/** The page that shows what was received, and the JSON under it. Its own requests are never recorded. */
export interface Inbox {
  serves(method: string | undefined, path: string): boolean;
  /** Under a foreign `host` (the request's header) it is refused. */
  answer(host: string | undefined, path: string, query: string, response: ServerResponse): void;
}

const asset = (name: string, type: string) => ({ body: readFileSync(new URL(name, import.meta.url)), type });

// Everything from this origin and nothing inline: a payload that found a way into the markup would still not run.
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

/** @param listening the host that the receiver was told to listen on. */
export function createInbox(journal: Journal, listening: string): Inbox {
  // By this the page knows that another receiver has taken the port and numbers its requests afresh.
  const run = randomUUID();
  const assets = new Map([
    ['/', asset('page.html', 'text/html; charset=utf-8')],
    ['/_inbox/page.css', asset('page.css', 'text/css; charset=utf-8')],
    ['/_inbox/page.js', asset('page.js', 'text/javascript; charset=utf-8')],
    ['/_inbox/icon.svg', asset('icon.svg', 'image/svg+xml')],
  ]);

  /** `?limit=100&after=17`: the newest first, at most so many, none up to that sequence number. */
  const list = (query: string): string => {
    const asked = new URLSearchParams(query);
    const limit = Math.max(0, Math.trunc(Number(asked.get('limit') ?? DEFAULT_LIMIT)) || 0);
    const after = Number(asked.get('after') ?? 0) || 0;
    const requests = journal.kept
      .filter((request) => request.sequence > after)
      .reverse()
      .slice(0, limit);
    return JSON.stringify({ run, counts: journal.counts, requests });
  };

  return {
    serves: (method, path) => method === 'GET' && (path === '/_inbox' || assets.has(path)),
    answer(host, path, query, response) {
      if (!isOwnHost(host, listening)) {
        response.writeHead(403, { ...HEADERS, 'content-type': 'text/plain; charset=utf-8' }).end(FOREIGN);
        return;
      }
      const found = assets.get(path) ?? { body: list(query), type: 'application/json; charset=utf-8' };
      response.writeHead(200, { ...HEADERS, 'content-type': found.type }).end(found.body);
    },
  };
}
