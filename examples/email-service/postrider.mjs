// A caller of Postrider's API. POSTRIDER_URL is where it listens, POSTRIDER_API_KEY a key that may write.
const base = process.env.POSTRIDER_URL ?? 'http://127.0.0.1:4400';
const key = process.env.POSTRIDER_API_KEY;

const TRIES = 5;

/**
 * POSTs JSON, again where there was no answer or one that says "later". With an idempotency key that is safe: whatever
 * came through the first time is answered as it was and not done twice.
 */
export async function post(path, body, idempotencyKey) {
  if (!key) throw new Error('set POSTRIDER_API_KEY');
  const headers = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    ...(idempotencyKey && { 'idempotency-key': idempotencyKey }),
  };
  for (let tries = 1; ; tries++) {
    const response = await fetch(base + path, { method: 'POST', headers, body: JSON.stringify(body) }).catch(
      (error) => {
        if (tries === TRIES) throw error;
      },
    );
    const answer = await response?.json();
    if (response?.ok) return answer;
    if (response && response.status < 500 && response.status !== 429) {
      throw new Error(`${path}: ${response.status} ${answer.detail}`);
    }
    if (tries === TRIES) throw new Error(`${path}: ${response?.status}`);
    const seconds = Number(response?.headers.get('retry-after') ?? 2 ** tries / 4);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}
