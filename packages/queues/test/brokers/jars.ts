import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const JAVA = '/usr/bin/java';

/** The jars of a broker, as scripts/brokers.sh lays them out: in a folder named by the list that they are checked against. */
export function jarsOf(kind: string): { classPath: string; missing: string | null } {
  const list = readFileSync(join(import.meta.dirname, `${kind}.sha512`), 'utf8');
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const digest = createHash('sha512').update(list).digest('hex').slice(0, 12);
  const folder = join(cache, 'postrider-brokers', `${kind}-${digest}`);
  const paths = list
    .trim()
    .split('\n')
    .map((line) => join(folder, line.split('  ')[1] ?? ''));
  const isThere = existsSync(folder) && existsSync(JAVA);
  return { classPath: paths.join(':'), missing: isThere ? null : `no ${kind} to run: scripts/brokers.sh ${kind}` };
}

/** A small Java: it starts sooner, and leaves the machine to the test. Its jars are in the variable CLASSPATH. */
export function javaArgs(megabytes: number, main: string, ...args: readonly string[]): string[] {
  return [`-Xmx${megabytes}m`, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto', main, ...args];
}
