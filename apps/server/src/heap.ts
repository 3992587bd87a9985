import { setFlagsFromString } from 'node:v8';

/**
 * How V8 uses memory. To be imported before anything else, so that all that loads is under it already.
 *
 * What a start loads all lives on, which V8 takes for a reason to have a young generation of 64 MB and to keep it. So it
 * stays at its smallest until the start is over, and the old one may not grow by much before it is cleaned up: 150 MB at
 * rest, and not 199.
 */
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--heap-growing-percent=20');

/**
 * From now on the young generation has all that it wants as soon as there is work: less is more CPU. The old one may grow
 * by seven tenths of what lives in it, where V8 would let it grow to several times that: peaks under load of 273 to 292
 * MB, and not of 306 to 331, for a twentieth more instructions.
 */
export function startIsOver(): void {
  setFlagsFromString('--semi-space-growth-factor=32');
  setFlagsFromString('--heap-growing-percent=70');
}
