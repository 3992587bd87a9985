import { publicId } from '../../core/ids.ts';
import type { EnvironmentDetail } from '../../store/environment.ts';

export function presentEnvironment(row: EnvironmentDetail) {
  return {
    id: publicId('env', row.id),
    name: row.name,
    mode: row.mode,
    organization: { id: publicId('org', row.organization_id), name: row.organization_name },
    strict_event_types: row.strict_event_types,
    payload_validation: row.payload_validation,
    body_format: row.body_format,
    signature: row.signature,
    retention_days: row.retention_days,
    plan: row.plan,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}
