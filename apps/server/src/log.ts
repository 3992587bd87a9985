import { type Logger, pino } from 'pino';

/** What the rooms may call. No secret ever goes in: bodies, headers and keys are not logged at all. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error' | 'isLevelEnabled'>;

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** One JSON line per event on standard output. */
export function createLog(level: LogLevel): Log {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (name) => ({ level: name }) },
    serializers: { err: describeError },
  });
}

/**
 * Of an error only these fields. Errors of the database driver carry the connection, with its settings, and the row that
 * was refused, with what a customer wrote in it.
 */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code } = error as NodeJS.ErrnoException;
  return { type: error.name, message: error.message, ...(code && { code }), stack: error.stack };
}
