/** Mirroring of one route as the data plane holds it: everything that does not depend on the request, worked out beforehand. */
import { parseTemplate } from '../model/key-template.ts';
import type { MirrorConfig } from '../model/mirror.ts';
import { type KeyClient, type KeyRequest, RequestText } from './hash-key.ts';
import type { MirrorCounts } from './mirror-counts.ts';

/** Draws are below this. */
const DRAWS = 2 ** 31;
/** One code unit of what a variable may hold, and a request target may not (RFC 3986 §3.3, §3.4). Escapes stay as they are. */
const FORBIDDEN = /[^!$%&'()*+,./0-9:;=?@A-Z_a-z~-]/g;

export class LiveMirror {
  readonly config: MirrorConfig;
  readonly counts: MirrorCounts;
  readonly #threshold: number;
  readonly #target: RequestText;

  /** @throws for a target that `parseMirrorTarget` refuses */
  constructor(config: MirrorConfig, counts: MirrorCounts) {
    const parsed = parseTemplate(config.target);
    if ('problem' in parsed) throw new Error(`mirror target ${config.target}: ${parsed.problem}`);
    this.config = config;
    this.counts = counts;
    this.#threshold = Math.round((config.percent / 100) * DRAWS);
    this.#target = new RequestText(parsed.parts);
  }

  /** @param draw uniform in [0, 2^31) */
  takes(draw: number): boolean {
    return draw < this.#threshold;
  }

  /** Path and query of the copy: always starts with `/`, and holds nothing that could end a request line. */
  targetOf(request: KeyRequest, client: KeyClient, requestId: string): string {
    const text = this.#target.of(request, client, requestId).replace(FORBIDDEN, toEscape);
    return text.startsWith('/') ? text : `/${text}`;
  }
}

function toEscape(unit: string): string {
  return `%${(unit.charCodeAt(0) & 0xff).toString(16).toUpperCase().padStart(2, '0')}`;
}
