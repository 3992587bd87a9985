import type { Uuid } from './ids.ts';
import type { Plan } from './plan.ts';
import type { SignatureSetting } from './signature.ts';

/**
 * What becomes of a payload that breaks the schema of its event type: `off`: nobody looks; `mark`: accepted, and its
 * faults are shown with the message; `refuse`: 422.
 */
export type PayloadValidation = 'off' | 'mark' | 'refuse';

/**
 * What a receiver finds in the body of a delivery.
 *
 * - `raw`: the payload's own bytes
 * - `event`: `{"event_id","type","data":{"object":…}}`
 * - `standard`: `{"type","timestamp","data"}`
 */
export type BodyFormat = 'raw' | 'event' | 'standard';

/** What an environment decides for everything in it. */
export interface Environment {
  readonly id: Uuid;
  readonly organizationId: Uuid;
  readonly name: string;
  readonly mode: 'live' | 'test';
  /** Event types that are not in the catalogue are refused. */
  readonly strictEventTypes: boolean;
  readonly payloadValidation: PayloadValidation;
  /** Of endpoints that have no format of their own. */
  readonly bodyFormat: BodyFormat;
  /** Of endpoints that have no signature setting of their own. */
  readonly signature: SignatureSetting;
  /** Of applications that have no plan of their own, and of its API keys. */
  readonly plan: Plan;
}
