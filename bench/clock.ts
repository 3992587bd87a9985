/**
 * Milliseconds of the machine's monotonic clock: the same in every process, and untouched by whoever sets the time while
 * we measure.
 */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
