import type { Environment } from '../core/environment.ts';
import type { Uuid } from '../core/ids.ts';

/** An event type that is in force. */
export interface CatalogueEntry {
  readonly id: Uuid;
  /** Of the schema in force; null: any payload will do. */
  readonly schemaVersion: number | null;
}

/** An environment and what its messages are held against, as of one instant. Replaced whole when anything of it changes. */
export interface EnvironmentEntry {
  readonly environment: Environment;
  /** The event types in force, by name; null where the environment holds its messages against nothing. */
  readonly catalogue: ReadonlyMap<string, CatalogueEntry> | null;
}
