import { BoundedMap } from '../bounded-map.ts';
import { type Behaviour, misuse, OK, wholeNumber } from './behaviour.ts';

/** `/fail-times/3?status=503`: each webhook-id fails so often (500 unless told) and then succeeds; each path counts for itself. */
export function failTimes(): Behaviour {
  const failures = new BoundedMap<number>();
  return ({ path, segments, query, webhookId }) => {
    const times = wholeNumber(segments[0], 0, 1_000_000);
    const status = wholeNumber(query.get('status') ?? '500', 300, 599);
    if (times === undefined || status === undefined) return misuse('say /fail-times/<times>?status=<300 to 599>');
    const key = `${path} ${webhookId ?? ''}`;
    const failed = failures.get(key) ?? 0;
    if (failed >= times) return OK;
    failures.set(key, failed + 1);
    return { status, body: `failure ${failed + 1} of ${times}\n` };
  };
}
