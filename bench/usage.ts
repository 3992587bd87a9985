import { readFileSync } from 'node:fs';

/**
 * What processes have used so far, from /proc. Everything is NaN where there is no /proc, and null in the JSON: the rest
 * of the bench runs anywhere.
 */

/** Clock ticks per second of /proc, fixed at 100 on Linux whatever the kernel's own rate. */
const TICKS = 100;

/** CPU seconds of one process: its main thread, and all threads together. */
export function processCpu(pid: number): { total: number; mainThread: number } {
  return { total: cpuOf(`/proc/${pid}/stat`).own, mainThread: cpuOf(`/proc/${pid}/task/${pid}/stat`).own };
}

/** CPU seconds of a process and its children, those included that have come and gone. */
export function treeCpu(pid: number): number {
  const root = cpuOf(`/proc/${pid}/stat`);
  return childrenOf(pid).reduce((sum, child) => sum + cpuOf(`/proc/${child}/stat`).own, root.own + root.waitedFor);
}

/** Megabytes (10^6) resident now, and at most so far. */
export function memory(pid: number): { residentMb: number; peakMb: number } {
  const status = textOf(`/proc/${pid}/status`);
  const megabytes = (name: string) => (Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024) / 1e6;
  return { residentMb: megabytes('VmRSS'), peakMb: megabytes('VmHWM') };
}

/** CPU seconds that all cores of the machine were busy. Waiting for a disk is not busy. */
export function busyCpu(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = textOf('/proc/stat')
    .split('\n', 1)
    .join()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) / TICKS || Number.NaN;
}

/** The parent of a process on this machine whose command has this name, or null. */
export function parentOf(pid: number, command: string): number | null {
  const parent = Number(statOf(`/proc/${pid}/stat`)[1]);
  return textOf(`/proc/${parent}/comm`).trim() === command ? parent : null;
}

function cpuOf(path: string): { own: number; waitedFor: number } {
  const fields = statOf(path).map(Number);
  const seconds = (at: number) => ((fields[at] ?? Number.NaN) + (fields[at + 1] ?? Number.NaN)) / TICKS;
  return { own: seconds(11), waitedFor: seconds(13) };
}

function childrenOf(pid: number): string[] {
  return textOf(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean);
}

/** The fields after the command's name, which may hold spaces: state, parent, … */
function statOf(path: string): string[] {
  const stat = textOf(path);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
