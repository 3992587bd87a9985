import type { Uuid } from '../core/ids.ts';
import { granted } from '../core/quota.ts';
import { Problem, type Reset } from '../errors.ts';
import type { Queryable } from '../store/database.ts';
import { type Charged, chargeUsage, refundUsage } from '../store/usage.ts';

/** What applications may use in a month; the directory knows. */
export interface QuotaSource {
  /** Messages in a calendar month of UTC; null: no limit. Undefined where memory does not tell and `quota` must. */
  knownQuota(applicationId: Uuid): number | null | undefined;
  quota(environmentId: Uuid, applicationId: Uuid): Promise<number | null>;
}

/** Messages of an application with a quota, to be accepted all or none. */
export interface Charge {
  readonly environmentId: Uuid;
  readonly applicationId: Uuid;
  readonly quota: number;
  readonly messages: number;
}

/** A charge that was not granted. */
export interface OverQuota {
  readonly left: number;
  readonly reset: Reset;
}

/**
 * Charges what is about to be stored to its applications, in the transaction that stores it: the row of an application's
 * month is locked from here to the commit, so that all processes together grant what the quota allows and not one more,
 * and a crash charges nothing. First all of it is charged; what is over is taken back before anybody sees it.
 *
 * @returns for each charge null where it was granted.
 */
export async function chargeQuotas(
  tx: Queryable,
  charges: readonly Charge[],
  now: Date | null,
): Promise<(OverQuota | null)[]> {
  const applications = [...Map.groupBy(charges, ({ applicationId }) => applicationId)];
  const wanted = applications.map(([applicationId, of]) => ({
    applicationId,
    environmentId: of[0]?.environmentId ?? applicationId,
    ...{ messages: messagesOf(of), sent: 0, failed: 0 },
  }));
  const rows = await chargeUsage(
    tx,
    wanted.sort((one, other) => (one.applicationId < other.applicationId ? -1 : 1)),
    now,
  );
  const refused = new Map<Charge, OverQuota>();
  const refunds = rows.flatMap((row) => {
    const over = refuse(
      refused,
      row,
      charges.filter(({ applicationId }) => applicationId === row.application_id),
    );
    return over === 0 ? [] : { applicationId: row.application_id, month: row.month, messages: over };
  });
  if (refunds.length > 0) await refundUsage(tx, refunds);
  return charges.map((charge) => refused.get(charge) ?? null);
}

/** @returns how many messages of an application are not granted. */
function refuse(refused: Map<Charge, OverQuota>, row: Charged, charges: readonly Charge[]): number {
  const used = row.messages - messagesOf(charges);
  // The quota may have changed between two calls of one instant: the newer counts.
  const left = (charges.at(-1)?.quota ?? 0) - used;
  const reset = { at: row.reset_at, seconds: Math.max(1, Math.ceil(row.reset_ms / 1000)) };
  const fits = granted(
    left,
    charges.map(({ messages }) => messages),
  );
  const over = charges.filter((_, n) => !fits[n]);
  for (const charge of over) refused.set(charge, { left: Math.max(0, left), reset });
  return messagesOf(over);
}

export function overQuota({ quota, messages }: Charge, { left, reset }: OverQuota): Problem {
  const detail =
    messages > 1
      ? `${messages} messages are more than the ${left} that are left of the ${quota} that this application may have in a month`
      : `this application may have ${quota} messages in a month, and has had them`;
  return new Problem('quota_exceeded', detail, undefined, reset);
}

function messagesOf(charges: readonly Charge[]): number {
  return charges.reduce((sum, { messages }) => sum + messages, 0);
}
