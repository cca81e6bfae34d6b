/**
 * The language of hash keys and mirror targets: text with variables of a request (`$remote_addr`, `${arg_user}`), as the nginx
 * dialect writes them. Only what it says; how a variable is read from a request is decided in `live/hash-key.ts`.
 */

/** What every request has. */
export const KEY_VARIABLES = [
  'args',
  'best_http_host',
  'binary_remote_addr',
  'host',
  'is_args',
  'pass_access_scheme',
  'query_string',
  'remote_addr',
  'remote_port',
  'remote_user',
  'req_id',
  'request_id',
  'request_method',
  'request_uri',
  'scheme',
  'server_port',
  'uri',
] as const;

/** Those with a name behind them: `$arg_user`, `$http_x_user`, `$cookie_session`. */
export const KEY_FAMILIES = ['arg', 'cookie', 'http'] as const;

export type KeyVariable = (typeof KEY_VARIABLES)[number];

export type KeyPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: KeyVariable }
  | { readonly kind: (typeof KEY_FAMILIES)[number]; readonly name: string };

/** The key of balancers that need one where nothing else is said. */
export const DEFAULT_KEY_TEMPLATE = '$remote_addr';

/** Keys are built for each request. */
const MAX_LENGTH = 256;
const MAX_PARTS = 16;

const TEXT = /^[\x20-\x7e]+$/;
const PIECE = /\$\{(\w+)\}|\$(\w+)|[^$]+|\$/g;

type ParsedTemplate = { readonly parts: readonly KeyPart[] } | { readonly problem: string };

/** The same as `parseTemplate` for keys, which have to differ between requests. */
export function parseKeyTemplate(template: string): ParsedTemplate {
  const parsed = parseTemplate(template);
  if ('problem' in parsed || parsed.parts.some(({ kind }) => kind !== 'text')) return parsed;
  return {
    problem: 'expected a variable such as $request_uri, because the same key sends all requests to one endpoint',
  };
}

/** The parts in order, or what is wrong with the text and what would be right. */
export function parseTemplate(template: string): ParsedTemplate {
  if (template.length > MAX_LENGTH || !TEXT.test(template)) {
    return { problem: `expected at most ${MAX_LENGTH} printable characters, such as $request_uri` };
  }
  const parts: KeyPart[] = [];
  for (const [piece, braced, bare] of template.matchAll(PIECE)) {
    const name = braced ?? bare;
    const part = name === undefined ? toText(piece) : toVariable(name);
    if ('problem' in part) return part;
    parts.push(part);
  }
  if (parts.length > MAX_PARTS) return { problem: `expected at most ${MAX_PARTS} variables and texts between them` };
  return { parts };
}

function toText(text: string): KeyPart | { readonly problem: string } {
  return text === '$' ? { problem: 'expected the name of a variable behind each $' } : { kind: 'text', text };
}

function toVariable(written: string): KeyPart | { readonly problem: string } {
  const name = KEY_VARIABLES.find((known) => known === written);
  if (name !== undefined) return { kind: 'variable', name };
  const family = KEY_FAMILIES.find((known) => written.startsWith(`${known}_`) && written.length > known.length + 1);
  if (family !== undefined) return { kind: family, name: written.slice(family.length + 1) };
  const known = [...KEY_VARIABLES, ...KEY_FAMILIES.map((each) => `${each}_NAME`)].map((each) => `$${each}`);
  return { problem: `$${written} is no variable that a request has; expected one of ${known.join(', ')}` };
}
