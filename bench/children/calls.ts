import { Client } from 'undici';

export interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
}

/** Milliseconds of each call to the API, one after the other over one connection. */
export async function timeCalls({ url, key, calls }: { url: string; key: string; calls: readonly Call[] }) {
  const client = new Client(url);
  const took: number[] = [];
  for (const { method, path, body } of calls) {
    const headers = { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) };
    const from = performance.now();
    const response = await client.request({ method, path, headers, ...(body && { body }) });
    const text = await response.body.text();
    took.push(performance.now() - from);
    if (response.statusCode >= 300) throw new Error(`${path} answered ${response.statusCode}: ${text}`);
  }
  await client.close();
  return took;
}
