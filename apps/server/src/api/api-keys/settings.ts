import { PLANS, type Plan } from '../../core/plan.ts';
import { invalidFields } from '../../errors.ts';
import type { ApiKeyRow } from '../../store/api-key.ts';
import type { ApiKeyPatch } from './schema.ts';

type Settings = Pick<ApiKeyRow, 'expires_at' | 'rate_limit'>;

/**
 * What a body says of when a key ends and how often it may call; what it leaves out stays as it was.
 *
 * @throws Problem `validation_failed` where it would have ended already, or might call more often than the plan allows.
 */
export function settingsFrom(
  body: Pick<ApiKeyPatch, 'expires_at' | 'rate_limit'>,
  was: Settings,
  { plan, now }: { readonly plan: Plan; readonly now: number },
): Settings {
  const { expires_at, rate_limit } = body;
  const allowed = PLANS[plan].requestsPerMinute;
  if (typeof rate_limit === 'number' && allowed !== null && rate_limit > allowed) {
    throw invalidFields([{ path: '/rate_limit', message: `must be at most ${allowed}, as the plan allows` }]);
  }
  if (typeof expires_at === 'string' && Date.parse(expires_at) <= now) {
    throw invalidFields([{ path: '/expires_at', message: 'must be ahead; to end a key now, delete it' }]);
  }
  return {
    expires_at: expires_at === undefined ? was.expires_at : expires_at === null ? null : new Date(expires_at),
    rate_limit: rate_limit === undefined ? was.rate_limit : rate_limit,
  };
}
