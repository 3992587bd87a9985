import { QueueError } from './error.ts';
import { within } from './link.ts';
import type { Health } from './port.ts';

const HEALTH_MS = 5_000;

/** How it went, within 5 s. Never rejects. @param asked resolves where all is well. */
export async function healthOf(asked: Promise<unknown>, broker: string): Promise<Health> {
  try {
    await within(HEALTH_MS, asked, `no answer from ${broker}`);
    return { ok: true };
  } catch (error) {
    if (error instanceof QueueError) return { ok: false, code: error.code, reason: error.message };
    return { ok: false, code: 'unreachable', reason: error instanceof Error ? error.message : 'unknown' };
  }
}
