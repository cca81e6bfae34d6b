/** Prints `docs/reference/annotations.md` from the annotation table. */
import { classifyUnsupported, UNSUPPORTED_NAMES } from '../../src/config/annotations/catalogue.ts';
import { type AnnotationSpec, DEFAULT_COUNTS } from '../../src/config/annotations/define.ts';
import { ANNOTATIONS } from '../../src/config/annotations/index.ts';

const PREFIX = 'nginx.ingress.kubernetes.io';

export function renderAnnotationReference(): string {
  const security = UNSUPPORTED_NAMES.filter((name) => classifyUnsupported(name) === 'security');
  const others = UNSUPPORTED_NAMES.filter((name) => classifyUnsupported(name) !== 'security');
  return [
    '<!-- Generated: node --test --test-update-snapshots test/config/reference.test.ts -->',
    '# Annotations',
    '',
    `All names have the prefix \`${PREFIX}/\`, or the one \`--annotations-prefix\` says, unless they are written with a prefix here. Values are texts: quote numbers and`,
    'booleans in YAML. An invalid value is reported (`annotation-invalid`) and the default counts, where nothing else is said. An empty value counts as absent.',
    '',
    '`location` annotations shape the routes that the Ingress owns. `canary` annotations shape the canaries that it adds to routes',
    'of other Ingresses; nothing else on a canary Ingress has an effect, but for `upstream` annotations: those shape the upstreams made of',
    'the Services it names, for every route that uses them. The oldest Ingress that sets one decides (`upstream-conflict`); those with the',
    'prefix `sluice.dev/` may also stand on the Service itself, and count there where no Ingress says otherwise. The risk is what somebody',
    'who may write the annotation can do to others.',
    '',
    '| Annotation | Scope | Risk | Example | Meaning |',
    '|---|---|---|---|---|',
    ...ANNOTATIONS.map(renderRow),
    '',
    '## Restrictions that are not supported',
    '',
    'These restrict access. Because serving an Ingress without them would open it, all its routes answer 503 while one is present',
    '(`security-unsupported`).',
    '',
    ...security.map((name) => `- \`${name}\``),
    '',
    '## Without effect',
    '',
    'These are known, reported (`annotation-unsupported`) and otherwise ignored.',
    '',
    ...others.map((name) => `- \`${name}\``),
    '',
  ].join('\n');
}

function renderRow(spec: AnnotationSpec): string {
  const { key: name, own, scope, risk, example, doc } = spec;
  const key = own ? `sluice.dev/${name}` : name;
  return `| \`${key}\` | ${scope} | ${risk} | \`"${example.replaceAll('|', '\\|')}"\` | ${doc}${renderFallback(spec)} |`;
}

function renderFallback({ guards, otherwise }: AnnotationSpec): string {
  if (guards) return ' An invalid value closes the routes (503).';
  return otherwise === DEFAULT_COUNTS ? '' : ` With an invalid value ${otherwise}.`;
}
