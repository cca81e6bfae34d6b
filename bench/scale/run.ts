/** What ten thousand Ingresses cost, and how fast their changes are. Usage: see `bench/README.md`. */
import { parseArgs } from 'node:util';
import { readCount, readNames } from '../macro/options.ts';
import { measurePhases } from './phases.ts';
import { measureWhole } from './whole.ts';

const PARTS = ['phases', 'whole'];

const { values } = parseArgs({
  options: {
    ingresses: { type: 'string', default: '10000' },
    endpoints: { type: 'string', default: '10' },
    secrets: { type: 'string', default: '1000' },
    workers: { type: 'string', default: '2' },
    changes: { type: 'string', default: '100' },
    parts: { type: 'string' },
    storms: { type: 'string', default: '3' },
    trace: { type: 'boolean', default: false },
    'requests-apart': { type: 'boolean', default: false },
  },
});
const size = {
  ingresses: readCount('--ingresses', values.ingresses),
  endpoints: readCount('--endpoints', values.endpoints),
  secrets: readCount('--secrets', values.secrets),
};
const parts = readNames('--parts', values.parts, PARTS);
if (parts.includes('phases')) await measurePhases(size);
if (parts.includes('whole')) {
  const workers = readCount('--workers', values.workers);
  const changes = readCount('--changes', values.changes);
  const storms = readCount('--storms', values.storms);
  const requestsApart = values['requests-apart'];
  await measureWhole(size, { workers, changes, storms, trace: values.trace, requestsApart });
}
process.exit(0);
