import type { Measure, PartName } from './figure.ts';
import type { DatabaseKind } from './home.ts';
import type { Stage } from './stage.ts';

/** One letter of the bench. Run once for each database, or once in all where none takes part. */
export interface Part {
  readonly name: PartName;
  readonly title: string;
  readonly hasDatabase: boolean;
  /** What it is going to enter that has a target: shown as not run where it could not. */
  targets(database: DatabaseKind): readonly Measure[];
  run(stage: Stage, database: DatabaseKind): Promise<void>;
}
