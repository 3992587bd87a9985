import { publicId } from '../../core/ids.ts';
import type { ApiKeyRow } from '../../store/api-key.ts';

export function presentApiKey(row: ApiKeyRow) {
  return {
    id: publicId('key', row.id),
    name: row.name,
    scope: row.scope,
    last4: row.last4,
    expires_at: row.expires_at?.toISOString() ?? null,
    last_used_at: row.last_used_at?.toISOString() ?? null,
    rate_limit: row.rate_limit,
    created_at: row.created_at.toISOString(),
  };
}
