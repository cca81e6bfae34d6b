/** The logger of a data-plane thread: lines travel to the control plane, which has the one destination. */
import type { LogFields, Logger } from '../log/logger.ts';
import type { FromWorker } from '../model/worker-messages.ts';

export class PortLogger implements Logger {
  readonly #send: (message: FromWorker) => void;
  readonly #fields: LogFields;

  constructor(send: (message: FromWorker) => void, fields: LogFields) {
    this.#send = send;
    this.#fields = fields;
  }

  debug(message: string, fields?: LogFields): void {
    this.#log('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#log('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#log('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#log('error', message, fields);
  }

  child(fields: LogFields): Logger {
    return new PortLogger(this.#send, { ...this.#fields, ...fields });
  }

  #log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields: LogFields | undefined): void {
    this.#send({ type: 'log', level, message, fields: { ...this.#fields, ...fields } });
  }
}
