import type { Behaviour } from './behaviour.ts';

/** `/hang`: takes the request and never answers. */
export const hang: Behaviour = () => 'silence';
