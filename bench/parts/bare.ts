import type { Measure } from '../figure.ts';
import type { Part } from '../part.ts';
import type { Stage } from '../stage.ts';

const BARE: Measure = {
  part: 'a',
  name: 'bare loop, deliveries',
  database: null,
  unit: '/s',
  target: null,
};

/** (a) alone: (b) measures it beside each of its rounds. */
export const bare: Part = {
  name: 'a',
  title: 'the bare loop',
  hasDatabase: false,
  targets: () => [],
  async run(stage) {
    const loop = await stage.bareLoop();
    for (let round = 0; round < stage.options.rounds; round++) await loop.round(bareCount(stage));
    enterBare(stage);
  },
};

/** Twice what the engine delivers, which is still over sooner: the shorter a round, the more it wavers. */
export function bareCount(stage: Stage): number {
  return 2 * stage.options.deliveries;
}

/** Every round so far. */
export function enterBare(stage: Stage): void {
  stage.book.enter(BARE, stage.bareRounds);
}
