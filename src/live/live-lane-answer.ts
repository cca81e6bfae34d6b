/** How a route tells clients in which lane they were, with everything worked out that all its answers have in common. */
import type { LaneAnswer, LaneConfig } from '../model/lane.ts';
import { cookieValue } from './cookie-value.ts';

export class LiveLaneAnswer {
  /** Empty = none. */
  readonly header: string;
  /** In lower case, for what back ends say under its name; null = no header. */
  readonly forged: ReadonlySet<string> | null;
  /** Empty = none. */
  readonly #cookie: string;
  /** Behind the value, for clients that speak TLS and for others. */
  readonly #secureAttributes: string;
  readonly #plainAttributes: string;

  constructor({ header, cookie }: LaneAnswer) {
    this.header = header;
    this.forged = header === '' ? null : new Set([header.toLowerCase()]);
    this.#cookie = cookie?.name ?? '';
    const maxAge = (cookie?.maxAgeSeconds ?? null) === null ? '' : `; Max-Age=${cookie?.maxAgeSeconds}`;
    const sameSite = (cookie?.sameSite ?? '') === '' ? '' : `; SameSite=${cookie?.sameSite}`;
    const attributes = `${maxAge}; Path=${cookie?.path ?? ''}`;
    this.#secureAttributes = `${attributes}; Secure; HttpOnly${sameSite}`;
    const isSecure = cookie?.alwaysSecure === true;
    this.#plainAttributes = isSecure ? this.#secureAttributes : `${attributes}; HttpOnly${sameSite}`;
  }

  get hasCookie(): boolean {
    return this.#cookie !== '';
  }

  /** The lane that a client says it was in; null = it says none. As matches read cookies: of several the first one counts. */
  read(cookies: string | null): string | null {
    return cookies === null ? null : cookieValue(cookies, this.#cookie);
  }

  /**
   * The value of a `Set-Cookie` field.
   * @param secure whether the client speaks TLS
   */
  toSetCookie({ name }: LaneConfig, secure: boolean): string {
    return `${this.#cookie}=${name}${secure ? this.#secureAttributes : this.#plainAttributes}`;
  }
}
