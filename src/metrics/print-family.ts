/**
 * Writes a family in the text format of Prometheus, piece by piece: with 100,000 endpoints there is more to write than fits
 * into one turn of the event loop. A test holds the text equal to that of prom-client, which writes all at once, but for what is no number.
 */
import type { Labels, MetricFamily } from './metric-family.ts';

/** Some 30 KB, in less than a millisecond. */
const LINES_IN_A_PIECE = 256;

/** Nothing for a family without samples. */
export function* printFamily({ name, help, type, samples }: MetricFamily): Generator<string, void, undefined> {
  let text = `# HELP ${name} ${escapeText(help)}\n# TYPE ${name} ${type}\n`;
  let lines = 0;
  let shared: Labels | undefined;
  let sharedText = '';
  for (const { metricName = name, labels, sharedLabels, value } of samples) {
    if (sharedLabels !== shared) {
      shared = sharedLabels;
      sharedText = sharedLabels === undefined ? '' : formatLabels(sharedLabels);
    }
    const ownText = formatLabels(labels);
    const both = ownText === '' || sharedText === '' ? ownText + sharedText : `${ownText},${sharedText}`;
    text += `${metricName}${both === '' ? '' : `{${both}}`} ${formatValue(value)}\n`;
    lines++;
    if (lines % LINES_IN_A_PIECE > 0) continue;
    yield text;
    text = '';
  }
  if (lines > 0) yield text;
}

function formatLabels(labels: Labels): string {
  let text = '';
  for (const [name, value] of Object.entries(labels)) {
    text += `${text === '' ? '' : ','}${name}="${typeof value === 'string' ? escapeValue(value) : value}"`;
  }
  return text;
}

function escapeValue(text: string): string {
  return escapeText(text).replaceAll('"', '\\"');
}

function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function formatValue(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}
