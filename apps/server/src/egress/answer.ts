import type { IncomingHttpHeaders } from 'undici/types/header.js';
import { EgressError } from './error-code.ts';

/** D8: what is kept of a body. */
const MAX_BODY_BYTES = 4_096;

/** What follows the kept 4 KB and has arrived already is dropped up to here, to save the connection. */
const MAX_DROPPED_BYTES = 65_536;

/** undici bounds a header by bytes (16 KB), which leaves room for thousands of empty lines. */
const MAX_HEADER_LINES = 256;

const MAX_KEPT_HEADERS = 64;
const MAX_KEPT_HEADER_CHARS = 8_192;

/** What is kept of a response, bounded in every direction because a receiver writes it and we store it. */
export class Answer {
  status = 0;
  #headers: IncomingHttpHeaders = {};
  readonly #chunks: Buffer[] = [];
  #length = 0;

  /** `lines` counts repeated names each time. */
  start(status: number, headers: IncomingHttpHeaders, lines: number): EgressError | null {
    this.status = status;
    this.#headers = headers;
    return lines > MAX_HEADER_LINES ? new EgressError('headers_too_large', `${lines} header lines`) : null;
  }

  /** `full`: nothing more is kept. `too_much`: nor is it worth reading. */
  add(chunk: Buffer): 'partial' | 'full' | 'too_much' {
    const room = MAX_BODY_BYTES - this.#length;
    if (room > 0) this.#chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
    this.#length += chunk.length;
    if (this.#length <= MAX_BODY_BYTES) return 'partial';
    return this.#length > MAX_DROPPED_BYTES ? 'too_much' : 'full';
  }

  /** Lets go of the chunks: each is a view that keeps 64 KB of socket buffer alive. */
  kept(): { status: number; headers: Record<string, string>; body: string } {
    const body = bodyText(this.#chunks, Math.min(this.#length, MAX_BODY_BYTES), this.#length > MAX_BODY_BYTES);
    this.#chunks.length = 0;
    return { status: this.status, headers: keptHeaders(this.#headers), body };
  }
}

/**
 * Makes text for a PostgreSQL `text` column, which takes neither NUL nor invalid UTF-8. A character cut in half at the
 * limit is left out; anything else that is not UTF-8, such as gzip, becomes U+FFFD.
 */
function bodyText(chunks: readonly Buffer[], length: number, cut: boolean): string {
  const only = chunks.length === 1 ? chunks[0] : undefined;
  const bytes = only ?? Buffer.concat(chunks, length);
  return safe(cut ? new TextDecoder().decode(bytes, { stream: true }) : bytes.toString('utf8'));
}

/** Names are already lower-case. */
function keptHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const kept: Record<string, string> = Object.create(null);
  let count = 0;
  let chars = 0;
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined) continue;
    const joined = typeof value === 'string' ? value : value.join(', ');
    chars += name.length + joined.length;
    if (++count > MAX_KEPT_HEADERS || chars > MAX_KEPT_HEADER_CHARS) break;
    kept[name] = safe(joined);
  }
  return kept;
}

function safe(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text;
}
