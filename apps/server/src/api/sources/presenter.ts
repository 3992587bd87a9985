import { SOURCES } from '../../core/broker/all.ts';
import type { BrokerConfig } from '../../core/broker/form.ts';
import { maskConfig } from '../../core/broker-config.ts';
import { publicId, timeOf } from '../../core/ids.ts';
import type { SourceRow } from '../../store/source.ts';
import type { SourceRejectionDetail, SourceRejectionRow } from '../../store/source-rejection.ts';

/** @param config null where it does not open: then nothing of it is shown. */
export function presentSource(row: SourceRow, config: BrokerConfig | null) {
  return {
    id: publicId('src', row.id),
    app_id: publicId('app', row.application_id),
    type: row.type,
    name: row.name,
    url: row.url,
    config: { ...maskConfig(SOURCES[row.type], config ?? {}) },
    event_type: row.event_type,
    status: row.status,
    paused_reason: row.paused_reason,
    receiving: row.is_held,
    received: row.received,
    rejected: row.rejected,
    last_error: row.last_error,
    last_received_at: row.last_received_at?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}

export function presentRejection(row: SourceRejectionRow) {
  return {
    id: publicId('rej', row.id),
    source_id: publicId('src', row.source_id),
    reason: row.reason,
    detail: row.detail,
    message_id: row.message_id,
    body_bytes: row.body_bytes,
    created_at: new Date(timeOf(row.id)).toISOString(),
  };
}

export function presentRejectionDetail(row: SourceRejectionDetail) {
  return { ...presentRejection(row), headers: { ...row.headers }, body: row.body.toString('base64') };
}
