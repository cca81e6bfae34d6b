/** Writes structured log lines: one JSON object a line through pino, or text for people. The access log has its own file. */
import { type Logger as PinoLogger, pino } from 'pino';
import { type LogDestination, stdoutDestination } from './destination.ts';
import { TextLogger } from './text-logger.ts';

export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  /** `message` is constant and lower case; what varies goes into `fields`. */
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to each of its lines. */
  child(fields: LogFields): Logger;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: 'json' | 'text';
  /** Standard output when absent. */
  readonly destination?: LogDestination;
}

export function createLogger(options: LoggerOptions): Logger {
  const destination = options.destination ?? stdoutDestination();
  if (options.format === 'text') return new TextLogger(options.level, destination);
  return new JsonLogger(
    pino(
      {
        level: options.level,
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        // Without this pino adds a serializer for the key `err` only; errors stand under any key here.
        serializers: {},
      },
      destination,
    ),
  );
}

/** Drops everything. */
export const NULL_LOGGER: Logger = {
  debug(): void {},
  info(): void {},
  warn(): void {},
  error(): void {},
  child(): Logger {
    return NULL_LOGGER;
  },
};

class JsonLogger implements Logger {
  readonly #pino: PinoLogger;

  constructor(logger: PinoLogger) {
    this.#pino = logger;
  }

  debug(message: string, fields?: LogFields): void {
    if (this.#pino.isLevelEnabled('debug')) this.#pino.debug(toJsonFields(fields), message);
  }

  info(message: string, fields?: LogFields): void {
    if (this.#pino.isLevelEnabled('info')) this.#pino.info(toJsonFields(fields), message);
  }

  warn(message: string, fields?: LogFields): void {
    if (this.#pino.isLevelEnabled('warn')) this.#pino.warn(toJsonFields(fields), message);
  }

  error(message: string, fields?: LogFields): void {
    this.#pino.error(toJsonFields(fields), message);
  }

  child(fields: LogFields): Logger {
    return new JsonLogger(this.#pino.child(toJsonFields(fields)));
  }
}

/** pino's own keys; a field of that name would make a line with the key twice. */
const RESERVED_KEYS = new Set(['level', 'time', 'msg']);

/** Errors have no enumerable properties, so `JSON.stringify` would print them as `{}`. */
function toJsonFields(fields: LogFields | undefined): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const key in fields) {
    const value = fields[key];
    result[RESERVED_KEYS.has(key) ? `${key}_` : key] = value instanceof Error ? describeError(value) : value;
  }
  return result;
}

function describeError(error: Error): Record<string, unknown> {
  const described: Record<string, unknown> = { type: error.name, message: error.message, stack: error.stack };
  if ('code' in error) described['code'] = error.code;
  if (error.cause instanceof Error) described['cause'] = error.cause.message;
  return described;
}
