/** What the answer to an HTTP probe must look like. */
import { RE2JS } from 're2js';
import type { HealthCheckConfig } from '../model/health-check.ts';

/** More of a response body is not read: the answer stands, and an endless body must not cost the whole time limit. */
export const MAX_BODY_BYTES: number = 64 * 1024;

export class ExpectedAnswer {
  readonly #check: HealthCheckConfig;
  readonly #pattern: RE2JS | null;

  /** A pattern that is no RE2 was refused with the configuration; here it throws. */
  constructor(check: HealthCheckConfig) {
    this.#check = check;
    this.#pattern = check.body?.kind === 'pattern' ? RE2JS.compile(check.body.value) : null;
  }

  /** Whether `judgeBody` needs the body. */
  get readsBody(): boolean {
    return this.#check.body !== null;
  }

  /** The reason of the failure; empty when the status is fine. */
  judgeStatus(status: number): string {
    for (const { from, to } of this.#check.statuses) if (status >= from && status <= to) return '';
    return `status ${status}`;
  }

  /** @param pieces the first `MAX_BODY_BYTES`, or less where it is shorter */
  judgeBody(pieces: readonly Buffer[]): string {
    const { body } = this.#check;
    if (body === null) return '';
    const text = Buffer.concat(pieces).toString('utf8', 0, MAX_BODY_BYTES);
    return this.#finds(text, body.value) ? '' : 'body without the expected text';
  }

  #finds(text: string, value: string): boolean {
    if (this.#pattern === null) return text.includes(value);
    try {
      return this.#pattern.matcher(text).find();
    } catch {
      // Whatever re2js throws: no body may take the control plane down.
      return false;
    }
  }
}
