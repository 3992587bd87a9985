import { type Behaviour, OK } from './behaviour.ts';

/** `/ok`: 200 at once. */
export const ok: Behaviour = () => OK;
