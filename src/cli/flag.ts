/**
 * What a flag is, and reading its value from the command line, else from `SLUICE_<FLAG>`, else its default. Which flags
 * exist stands in `flag-list.ts`; commander only splits the command line and prints the help.
 */

/** What a parser found, or what would have been right (`an integer from 0 to 65535`). */
export type Parsed<T> = { readonly value: T } | { readonly expected: string };

export type Mode = 'controller' | 'serve' | 'check' | 'explain' | 'canary status';

export interface Flag<T> {
  /** Without dashes. */
  readonly name: string;
  /** One letter, for the few flags people type by hand. */
  readonly short?: string;
  /** Shown in help, e.g. `<port>`; `[true|false]` may be left out on the command line. */
  readonly placeholder: string;
  readonly group: string;
  readonly doc: string;
  readonly parse: (text: string) => Parsed<T>;
  readonly fallback: (mode: Mode) => T;
  /** How help names the default; empty = say nothing. */
  readonly fallbackText: (mode: Mode) => string;
  /** May be given several times. In the environment its values are separated by this. */
  readonly separator?: string;
  /** Values of the environment variable that were not meant for us. */
  readonly ignoreInEnvironment?: (text: string) => boolean;
}

export type FlagOptions<T> = Omit<Flag<T>, 'fallback' | 'fallbackText'> & Partial<Pick<Flag<T>, 'fallbackText'>>;

/** The same default for every command. */
export function defineFlag<T>(options: FlagOptions<T>, fallback: NoInfer<T>): Flag<T> {
  return defineFlagByMode(options, () => fallback);
}

export function defineFlagByMode<T>(options: FlagOptions<T>, fallback: (mode: Mode) => NoInfer<T>): Flag<T> {
  return { fallback, fallbackText: (mode) => String(fallback(mode) ?? ''), ...options };
}

/** Raw values by flag name, as commander collected them: each occurrence one entry, `''` for a flag without its optional value. */
export type GivenFlags = ReadonlyMap<string, readonly string[]>;
export type Environment = Readonly<Record<string, string | undefined>>;

export function toEnvironmentName(flagName: string): string {
  return `SLUICE_${flagName.toUpperCase().replaceAll('-', '_')}`;
}

/** Reads flags one by one and remembers what was wrong, so that all errors can be shown at once. */
export class FlagReader {
  readonly errors: string[] = [];
  readonly #mode: Mode;
  readonly #given: GivenFlags;
  readonly #environment: Environment;

  constructor(mode: Mode, given: GivenFlags, environment: Environment) {
    this.#mode = mode;
    this.#given = given;
    this.#environment = environment;
  }

  read<T>(flag: Flag<T>): T {
    const raw = this.#raw(flag);
    const last = raw?.texts.at(-1);
    if (raw === null || last === undefined) return flag.fallback(this.#mode);
    return this.#parse(flag, raw.origin, last) ?? flag.fallback(this.#mode);
  }

  /** Every value of a flag that may be repeated; empty when it is absent. */
  readAll<T>(flag: Flag<T>): readonly T[] {
    const raw = this.#raw(flag);
    if (raw === null) return [];
    const values: T[] = [];
    for (const text of raw.texts) {
      const value = this.#parse(flag, raw.origin, text);
      if (value !== null) values.push(value);
    }
    return values;
  }

  /**
   * The one of several flags that exclude each other. Those on the command line beat all of those in the environment.
   */
  readExclusive<T>(flags: readonly Flag<T>[]): { readonly flag: Flag<T>; readonly value: T } | null {
    const onLine = flags.filter((flag) => this.#given.has(flag.name));
    const chosen = onLine.length > 0 ? onLine : flags.filter((flag) => this.#fromEnvironment(flag) !== null);
    const [flag, second] = chosen;
    const names = flags.map((each) => `--${each.name}`);
    if (flag === undefined) {
      this.errors.push(`one of ${names.join(', ')} is needed`);
      return null;
    }
    if (second !== undefined) {
      this.errors.push(`--${flag.name} and --${second.name} exclude each other: give one of ${names.join(', ')}`);
    }
    return { flag, value: this.read(flag) };
  }

  #raw(flag: Flag<unknown>): { readonly origin: string; readonly texts: readonly string[] } | null {
    const given = this.#given.get(flag.name);
    if (given !== undefined) return { origin: `--${flag.name}`, texts: given };
    const text = this.#fromEnvironment(flag);
    if (text === null) return null;
    const texts = flag.separator === undefined ? [text] : text.split(flag.separator).map((part) => part.trim());
    return { origin: toEnvironmentName(flag.name), texts: texts.filter((part) => part !== '') };
  }

  /** An empty variable counts as absent: that is what manifests and shells make of a value that is not set. */
  #fromEnvironment(flag: Flag<unknown>): string | null {
    const text = this.#environment[toEnvironmentName(flag.name)];
    if (text === undefined || text === '' || flag.ignoreInEnvironment?.(text) === true) return null;
    return text;
  }

  #parse<T>(flag: Flag<T>, origin: string, text: string): T | null {
    const parsed = flag.parse(text);
    if ('value' in parsed) return parsed.value;
    this.errors.push(`${origin}: expected ${parsed.expected}, got ${JSON.stringify(text)}`);
    return null;
  }
}
