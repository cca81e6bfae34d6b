/** `mirror` of a route in the static configuration file: its shape, and what it becomes. */
import { z } from 'zod';
import {
  DEFAULT_COMPARED_HEADERS,
  isMirrorHost,
  MAX_COMPARED_HEADERS,
  MIRROR_HOST_FORM,
  type MirrorConfig,
  parseMirrorTarget,
} from '../model/mirror.ts';
import { map, matching, passing, text } from './static-schema-parts.ts';

/** RFC 9110 §5.6.2: a token. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;

export interface MirrorEntry {
  readonly url: string;
  readonly percent?: number | undefined;
  readonly host?: string | undefined;
  readonly body?: boolean | undefined;
  readonly verify?: boolean | undefined;
  readonly compare?:
    | { readonly headers?: readonly string[] | undefined; readonly body?: boolean | undefined }
    | undefined;
}

const boolean = (): z.ZodBoolean => z.boolean({ error: 'true or false' });
const PERCENT_FORM = 'a number from 0 to 100';

export const mirrorSchema: z.ZodType<MirrorEntry> = map({
  url: text('a URL')
    .superRefine((value, context) => {
      const parsed = parseMirrorTarget(value);
      if ('problem' in parsed) context.addIssue({ code: 'custom', message: parsed.problem.replace('expected ', '') });
    })
    .describe(
      'Where copies go: a URL whose path and query may hold variables, such as `https://shadow.example$request_uri`.',
    ),
  percent: z
    .number({ error: PERCENT_FORM })
    .min(0, { error: PERCENT_FORM })
    .max(100, { error: PERCENT_FORM })
    .optional()
    .describe('Share of the requests that are copied, drawn at random. Default: 100.'),
  host: passing(isMirrorHost, MIRROR_HOST_FORM)
    .optional()
    .describe('`Host` of the copies, and the name asked for in TLS. Default: that of the URL.'),
  body: boolean().optional().describe('False: copies go without the body. Default: true.'),
  verify: boolean().optional().describe('False: the certificate of the target is not checked. Default: true.'),
  compare: map({
    headers: z
      .array(matching(HEADER_NAME, 'the name of a header'), { error: 'a list' })
      .max(MAX_COMPARED_HEADERS, { error: `at most ${MAX_COMPARED_HEADERS} names` })
      .optional()
      .describe('Response headers to compare. Default: `[content-type, location]`.'),
    body: boolean().optional().describe('False: bodies are not compared. Default: true.'),
  })
    .optional()
    .describe(
      'Compare the answers with those of the upstream; `{}` takes all defaults. Default: they are thrown away.',
    ),
});

export function toMirror({ url, percent, host, body, verify, compare }: MirrorEntry): MirrorConfig | null {
  const target = parseMirrorTarget(url);
  // Rejected by the schema, and with it the whole configuration.
  if ('problem' in target) return null;
  const headers = compare?.headers ?? DEFAULT_COMPARED_HEADERS;
  return {
    origin: target.origin,
    host: host ?? target.authority,
    target: target.target,
    percent: percent ?? 100,
    sendBody: body ?? true,
    verify: verify ?? true,
    compare:
      compare === undefined
        ? null
        : { headers: [...new Set(headers.map((name) => name.toLowerCase()))], body: compare.body ?? true },
  };
}
