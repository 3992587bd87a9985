import type { Environment } from '../core/environment.ts';

/** An environment and what its messages are held against, as of one instant. Replaced whole when anything of it changes. */
export interface EnvironmentEntry {
  readonly environment: Environment;
}
