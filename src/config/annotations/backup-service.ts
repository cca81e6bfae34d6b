/** Declares `sluice.dev/backup-service`. `passes/resolve-backups.ts` makes an upstream of it. */
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

/** A name and a port by number or name, as Kubernetes writes them. */
const FORM = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?:[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

function parse(text: string): Parsed<string> {
  const value = text.trim();
  return FORM.test(value) ? { value } : { problem: 'expected name:port of a service in the same namespace' };
}

export const backupService: AnnotationSpec = defineAnnotation({
  key: 'backup-service',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Service of the same namespace, as `name:port`, that takes the requests when no endpoint is healthy, and those for which every attempt has failed and that may be sent again.',
  example: 'shop-static:80',
  parse,
  apply: ({ upstream }, value) => {
    upstream.backup = value;
  },
});
