/** Where finished log lines go. Standard output is written synchronously, so that nothing is lost when the process ends. */
import { pino } from 'pino';

export interface LogDestination {
  /** One or more complete lines, each ending in a line feed. */
  write(lines: string): void;
}

let stdout: LogDestination | null = null;

/**
 * The process's standard output, shared by the log and the access log so that their lines never mix. A reader that went
 * away (EPIPE) silences it instead of ending the process.
 */
export function stdoutDestination(): LogDestination {
  stdout ??= pino.destination({ fd: 1, sync: true });
  return stdout;
}
