/**
 * Checks what one value of the static configuration file means for another: references, duplicates, exclusive keys. Works
 * on the untyped value, so that a mistake in one place does not hide those in another; what has the wrong shape was
 * reported by the schema and is passed over here.
 */
import { findCookieFault } from '../model/cookie-prefix.ts';
import { toEndpointId } from '../model/proxy-config.ts';
import { parseEndpointAddress } from './endpoint-address.ts';
import { isRecord, type JsonRecord, show } from './narrow-object.ts';
import { findNearestName } from './nearest-name.ts';
import { STATIC_DEFAULTS } from './static-file.ts';
import { checkHealthCheck } from './static-health-check.ts';
import { findLaneMistakes } from './static-lane.ts';
import { findTestFault, testsOf } from './static-match.ts';
import type { StaticProblems } from './static-problems.ts';
import { describePlan, findPlanMistakes } from './static-release.ts';
import { toStaticHost } from './static-values.ts';

export function checkStaticFile(value: unknown, problems: StaticProblems): void {
  if (!isRecord(value)) return;
  const upstreams = isRecord(value['upstreams']) ? value['upstreams'] : {};
  checkListeners(value['listeners'], problems);
  warnOfOpenListeners(value['listeners'], problems);
  for (const [name, upstream] of Object.entries(upstreams)) {
    if (!isRecord(upstream)) continue;
    checkUpstream(upstream, `upstreams.${name}`, problems);
    checkBackup(upstream['backup'], name, Object.keys(upstreams), problems);
  }
  checkRoutes(value['routes'], Object.keys(upstreams), problems);
}

function checkListeners(listeners: unknown, problems: StaticProblems): void {
  const names = new Map<unknown, string>();
  const ports: { port: number; address: unknown; field: string }[] = [];
  for (const [index, { name, port, address }] of records(listeners)) {
    const field = `listeners[${index}]`;
    const first = names.get(name);
    if (first !== undefined) reject(problems, `${field}.name`, `is ${show(name)} like ${first}; names are unique`);
    else if (typeof name === 'string') names.set(name, `${field}.name`);
    if (typeof port !== 'number' || port === 0) continue;
    const taken = ports.find((other) => other.port === port && isSameAddress(other.address, address));
    if (taken !== undefined)
      reject(problems, `${field}.port`, `is ${port} like ${taken.field}; one port, one listener`);
    else ports.push({ port, address, field: `${field}.port` });
  }
}

/** Routes are served on every listener: what one demands, another gives away. Those on a loopback address are reached from here only. */
function warnOfOpenListeners(listeners: unknown, problems: StaticProblems): void {
  const all = [...records(listeners)];
  const open = all.filter(([, { address, tls }]) => !isLoopback(address) && !demandsCertificate(tls));
  if (open.length === 0) return;
  const names = open.map(([, { name }]) => show(name)).join(', ');
  for (const [index, { tls }] of all) {
    if (!demandsCertificate(tls)) continue;
    const message = `does not protect the routes of its hosts, because they are also served without a certificate on ${names}; bind such listeners to a loopback address, or make them ask too`;
    problems.add({
      code: 'config-invalid',
      severity: 'warning',
      field: `listeners[${index}].tls.clientCertificates`,
      message,
    });
  }
}

function demandsCertificate(tls: unknown): boolean {
  const entry = isRecord(tls) ? tls['clientCertificates'] : undefined;
  return isRecord(entry) && entry['mode'] === 'require';
}

function isLoopback(address: unknown): boolean {
  return typeof address === 'string' && (address === '::1' || address.startsWith('127.'));
}

/** Absent and unspecified addresses take in every other. */
function isSameAddress(a: unknown, b: unknown): boolean {
  return a === b || isUnspecified(a) || isUnspecified(b);
}

function isUnspecified(address: unknown): boolean {
  return address === undefined || address === '0.0.0.0' || address === '::';
}

function checkUpstream(upstream: JsonRecord, field: string, problems: StaticProblems): void {
  const { healthCheck, endpoints, tls } = upstream;
  const seen = new Map<string, string>();
  for (const [index, { address }] of records(endpoints)) {
    const parsed = typeof address === 'string' ? parseEndpointAddress(address) : null;
    if (parsed === null) continue;
    const at = `${field}.endpoints[${index}].address`;
    const id = toEndpointId(parsed.address, parsed.port);
    const first = seen.get(id);
    if (first === undefined) seen.set(id, at);
    else reject(problems, at, `is ${show(address)} like ${first}; give one of them the weight of both`);
  }
  checkHashing(upstream, field, problems);
  if (isRecord(tls)) checkUpstreamTls(tls, `${field}.tls`, problems);
  if (isRecord(healthCheck)) checkHealthCheck(healthCheck, `${field}.healthCheck`, tls !== undefined, problems);
}

/** Balancers that go by keys. */
const KEYED: readonly unknown[] = ['ring-hash', 'maglev'];

function checkHashing(upstream: JsonRecord, field: string, problems: StaticProblems): void {
  const { balancer, hashBy, hashBound, hashSubsetSize } = upstream;
  if (hashBy !== undefined && balancer !== undefined && !KEYED.includes(balancer)) {
    reject(problems, `${field}.hashBy`, `stands beside balancer ${show(balancer)}; expected ring-hash or maglev there`);
  }
  if (hashBy === undefined && !KEYED.includes(balancer)) {
    const advice = 'has no effect without `hashBy`, or balancer ring-hash or maglev';
    if (hashBound !== undefined) reject(problems, `${field}.hashBound`, advice);
    if (hashSubsetSize !== undefined) reject(problems, `${field}.hashSubsetSize`, advice);
  }
  if (hashSubsetSize !== undefined && balancer === 'maglev') {
    reject(problems, `${field}.hashSubsetSize`, 'has no effect with balancer maglev; expected ring-hash');
  }
}

function checkBackup(backup: unknown, name: string, upstreams: readonly string[], problems: StaticProblems): void {
  const field = `upstreams.${name}.backup`;
  if (backup === name) reject(problems, field, `is ${show(name)} itself; expected another upstream`);
  else checkReference(backup, field, upstreams, problems);
}

function checkUpstreamTls(
  { verify, caFile, certFile, keyFile }: JsonRecord,
  field: string,
  problems: StaticProblems,
): void {
  if (verify === false && caFile !== undefined) {
    reject(
      problems,
      `${field}.caFile`,
      'stands beside `verify: false`, which trusts everybody; expected one of the two',
    );
  }
  if (certFile !== undefined && keyFile === undefined)
    reject(problems, `${field}.certFile`, 'has no `keyFile` beside it');
  if (keyFile !== undefined && certFile === undefined)
    reject(problems, `${field}.keyFile`, 'has no `certFile` beside it');
}

function checkRoutes(routes: unknown, upstreams: readonly string[], problems: StaticProblems): void {
  const seen = new Map<string, string>();
  checkPlans(routes, problems);
  for (const [index, route] of records(routes)) {
    const field = `routes[${index}]`;
    checkReference(route['upstream'], `${field}.upstream`, upstreams, problems);
    for (const [place, canary] of records(route['canaries'])) {
      checkReference(canary['upstream'], `${field}.canaries[${place}].upstream`, upstreams, problems);
      checkCanary(canary, `${field}.canaries[${place}]`, problems);
    }
    warnOfCookie(route['affinity'], `${field}.affinity.cookie`, problems);
    for (const { field: below, message, severity } of findLaneMistakes(route, records(route['canaries']))) {
      problems.add({ code: 'config-invalid', severity, field: `${field}.${below}`, message });
    }
    if (route['buckets'] !== undefined && [...records(route['canaries'])].length === 0) {
      reject(problems, `${field}.buckets`, 'has no effect without `canaries`, whose weights it would divide');
    }
    const match = readMatch(route, field, problems);
    if (match === null) continue;
    const first = seen.get(match);
    if (first === undefined) seen.set(match, field);
    else reject(problems, field, `has the same host and path as ${first}; one of them would never be used`);
  }
}

/** The schema has looked at each value by itself. */
function warnOfCookie(affinity: unknown, field: string, problems: StaticProblems): void {
  const cookie = isRecord(affinity) ? affinity['cookie'] : undefined;
  if (!isRecord(cookie)) return;
  const { name, domain = '', path = '' } = cookie;
  if (typeof name !== 'string' || typeof domain !== 'string' || typeof path !== 'string') return;
  const message = findCookieFault(name, domain, path);
  if (message !== '') problems.add({ code: 'config-invalid', severity: 'warning', field: `${field}.name`, message });
}

function checkReference(name: unknown, field: string, upstreams: readonly string[], problems: StaticProblems): void {
  if (typeof name !== 'string' || upstreams.includes(name)) return;
  const nearest = findNearestName(name, upstreams);
  const hint = nearest === null ? 'declare it under `upstreams`' : `did you mean \`${nearest}\`?`;
  problems.add({ code: 'reference-not-found', field, message: `there is no upstream ${show(name)}; ${hint}` });
}

function checkCanary(
  { header, cookie, match, weight, weightTotal, lane, plan }: JsonRecord,
  field: string,
  problems: StaticProblems,
): void {
  const hasSteps = isRecord(plan) && plan['steps'] !== undefined;
  const isWeighed = weight !== undefined || hasSteps;
  const isMatched =
    match !== undefined || (isRecord(lane) && (lane['honour'] === true || lane['honourCookie'] === true));
  if (header === undefined && cookie === undefined && !isMatched && !isWeighed) {
    reject(
      problems,
      field,
      'has no header, cookie, match or weight, no steps of a plan and no lane to honour, so nothing would ever reach it; give it one of them',
    );
  }
  if (isRecord(header) && header['value'] !== undefined && header['pattern'] !== undefined) {
    reject(problems, `${field}.header.pattern`, 'stands beside `value`; expected one of the two');
  }
  for (const [place, test] of testsOf(match)) {
    const fault = findTestFault(test);
    if (fault !== null) reject(problems, `${field}.match${place}`, fault);
  }
  const total = weightTotal ?? STATIC_DEFAULTS.canaryWeightTotal;
  if (typeof weight === 'number' && typeof total === 'number' && weight > total) {
    reject(problems, `${field}.weight`, `is ${weight}; expected at most weightTotal, which is ${total}`);
  }
}

/** Canaries of one release go forward together, so there is one plan. */
function checkPlans(routes: unknown, problems: StaticProblems): void {
  const first = new Map<string, { readonly field: string; readonly content: string }>();
  for (const [index, { canaries }] of records(routes)) {
    for (const [place, { plan, upstream, weight, weightTotal }] of records(canaries)) {
      if (!isRecord(plan)) continue;
      const field = `routes[${index}].canaries[${place}]`;
      for (const mistake of findPlanMistakes(plan)) reject(problems, `${field}.plan${mistake.field}`, mistake.message);
      if (plan['steps'] !== undefined) {
        const message = 'stands beside the steps of `plan`, which say the share; expected one of the two';
        if (weight !== undefined) reject(problems, `${field}.weight`, message);
        if (weightTotal !== undefined) reject(problems, `${field}.weightTotal`, message);
      }
      const described = typeof upstream === 'string' ? describePlan(plan, upstream) : null;
      if (described === null) continue;
      const { id, content } = described;
      const other = first.get(id);
      if (other === undefined) first.set(id, { field, content });
      else if (other.content !== content) {
        const message = `differs from ${other.field}.plan, which is the same release ${show(id)}; expected equal plans, or another name in \`release\``;
        reject(problems, `${field}.plan`, message);
      }
    }
  }
}

/** Host and path as one text to compare; null where they are not readable. */
function readMatch({ host = '', path }: JsonRecord, field: string, problems: StaticProblems): string | null {
  const name = typeof host !== 'string' ? null : host === '' ? '' : toStaticHost(host);
  if (path === undefined) return name === null ? null : `${name} prefix /`;
  if (!isRecord(path)) return null;
  const written = ['prefix', 'exact', 'regex'].filter((key) => path[key] !== undefined);
  if (written.length !== 1) {
    const found = written.length === 0 ? 'has none of them' : `has ${written.join(' and ')}`;
    reject(problems, `${field}.path`, `${found}; expected exactly one of prefix, exact and regex`);
    return null;
  }
  const [kind = ''] = written;
  const value = path[kind];
  return name === null || typeof value !== 'string' ? null : `${name} ${kind} ${value}`;
}

function reject(problems: StaticProblems, field: string, message: string): void {
  problems.add({ code: 'config-invalid', field, message });
}

/** The members of a list that are maps, with their places. */
function* records(list: unknown): Generator<[number, JsonRecord]> {
  if (!Array.isArray(list)) return;
  for (const [index, member] of list.entries()) {
    if (isRecord(member)) yield [index, member];
  }
}
