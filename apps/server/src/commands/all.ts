import type { Command } from './command.ts';
import { doctor } from './doctor.ts';
import { environmentsCreate, environmentsList } from './environments.ts';
import { environmentsPlan } from './environments-plan.ts';
import { keysRewrap } from './keys-rewrap.ts';
import { serve } from './serve.ts';

/** In the order in which help lists them. */
export const COMMANDS: readonly Command[] = [
  serve,
  doctor,
  environmentsList,
  environmentsCreate,
  environmentsPlan,
  keysRewrap,
];
