import type { Behaviour } from './behaviour.ts';
import { body } from './body.ts';
import { failTimes } from './fail-times.ts';
import { flaky } from './flaky.ts';
import { hang } from './hang.ts';
import { ok } from './ok.ts';
import { redirect } from './redirect.ts';
import { slow } from './slow.ts';
import { status } from './status.ts';
import { verified } from './verified.ts';

/** The first path segment names the behaviour. A fresh table for each receiver: some behaviours remember. */
export function behaviourTable(extra: Readonly<Record<string, Behaviour>>): ReadonlyMap<string, Behaviour> {
  return new Map<string, Behaviour>([
    ['', ok],
    ['ok', ok],
    ['verified', verified],
    ['status', status],
    ['body', body],
    ['slow', slow],
    ['hang', hang],
    ['flaky', flaky()],
    ['fail-times', failTimes()],
    ['redirect', redirect],
    ...Object.entries(extra),
  ]);
}
