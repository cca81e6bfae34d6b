/** The decisions of `service-match` and `service-weight`, row by row: who takes a request, and in which shares. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainSplit } from '../../src/cli/explain/explain-split.ts';
import { compile } from '../../src/config/compile.ts';
import { readGoldenCase } from '../support/golden-case.ts';

interface Case {
  readonly name: string;
  readonly match?: string;
  readonly weight?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly empty?: readonly string[];
  /** Percent by service. */
  readonly shares: Readonly<Record<string, number>>;
}

const ofNew = 'new: header("X-Team", /^blue$/)';
const ofOld = 'old: header("X-Team", /^blue$/)';
const blue = { 'x-team': 'blue' };

const CASES: readonly Case[] = [
  { name: 'a match without weights takes the service it names', match: ofNew, headers: blue, shares: { new: 100 } },
  { name: 'what does not match takes the other one', match: ofNew, shares: { old: 100 } },
  { name: 'a match for the first one takes it', match: ofOld, headers: blue, shares: { old: 100 } },
  { name: 'what does not match the first one takes the second', match: ofOld, shares: { new: 100 } },
  {
    name: 'what matches is divided by weight',
    match: ofNew,
    weight: 'new: 20, old: 60',
    headers: blue,
    shares: { old: 75, new: 25 },
  },
  { name: 'what does not match is never divided', match: ofNew, weight: 'new: 99, old: 1', shares: { old: 100 } },
  {
    name: 'what matches the first one is divided too',
    match: ofOld,
    weight: 'new: 20, old: 60',
    headers: blue,
    shares: { old: 75, new: 25 },
  },
  { name: 'what does not match the first one is not', match: ofOld, weight: 'new: 1, old: 99', shares: { new: 100 } },
  { name: 'weights alone divide everything', weight: 'new: 20, old: 60', shares: { old: 75, new: 25 } },
  { name: 'percents are rounded down', weight: 'new: 1, old: 2', shares: { old: 67, new: 33 } },
  { name: 'one that is not named counts 100', weight: 'new: 100', shares: { old: 50, new: 50 } },
  { name: 'the first one not named counts 100 too', weight: 'old: 300', shares: { old: 75, new: 25 } },
  {
    name: 'a match with weights of 0 is a match alone',
    match: ofNew,
    weight: 'new: 0, old: 0',
    headers: blue,
    shares: { new: 100 },
  },
  { name: 'a cookie', match: 'new: cookie("team", "blue")', headers: { cookie: 'team=blue' }, shares: { new: 100 } },
  { name: 'a query parameter', match: 'new: query("team", "blue")', query: { team: 'blue' }, shares: { new: 100 } },
  {
    name: 'an exact value is the whole one',
    match: 'new: query("team", "blue")',
    query: { team: 'bluer' },
    shares: { old: 100 },
  },
  { name: 'a pattern is searched', match: 'new: query("team", /lu/)', query: { team: 'blue' }, shares: { new: 100 } },
  { name: 'with its case', match: 'new: query("team", /LU/)', query: { team: 'blue' }, shares: { old: 100 } },
  { name: 'what is absent counts as empty for a pattern', match: 'new: query("team", /^$/)', shares: { new: 100 } },
  { name: 'what is absent counts as empty for a value', match: 'new: query("team", "")', shares: { new: 100 } },
  {
    name: 'a second without endpoints leaves all to the first',
    match: ofNew,
    headers: blue,
    empty: ['new'],
    shares: { old: 100 },
  },
  { name: 'a first without endpoints leaves all to the second', match: ofNew, empty: ['old'], shares: { new: 100 } },
  { name: 'by weight as well', weight: 'new: 1, old: 99', empty: ['old'], shares: { new: 100 } },
  { name: 'with neither there is the first, for 503', match: ofNew, empty: ['old', 'new'], shares: { old: 100 } },
  { name: 'weights of 0 alone leave all to the first', weight: 'new: 0, old: 0', shares: { old: 100 } },
  {
    name: 'of several rules the one that names a member counts',
    match: `other: header("a", /b/),\n${ofNew}`,
    headers: blue,
    shares: { new: 100 },
  },
];

function manifest({ match, weight }: Case): string {
  const annotations = {
    ...(match === undefined ? {} : { 'nginx.ingress.kubernetes.io/service-match': match }),
    ...(weight === undefined ? {} : { 'nginx.ingress.kubernetes.io/service-weight': weight }),
  };
  const metadata = { namespace: 'shop', name: 'web', annotations };
  const paths = ['old', 'new'].map((name) => {
    return { path: '/', pathType: 'Prefix', backend: { service: { name, port: { number: 80 } } } };
  });
  const ingress = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata,
    spec: { ingressClassName: 'sluice', rules: [{ host: 'a.example', http: { paths } }] },
  };
  const ingressClass = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: 'sluice' },
    spec: { controller: 'sluice.dev/ingress-controller' },
  };
  const pods = { 'shop/old': ['10.0.0.1'], 'shop/new': ['10.0.0.2'] };
  return JSON.stringify({ pods, objects: [ingressClass, ingress] });
}

for (const c of CASES) {
  test(c.name, () => {
    const { snapshot, settings } = readGoldenCase(manifest(c));
    const [route] = compile(snapshot, settings).routes;
    assert.ok(route !== undefined);
    const request = {
      method: 'GET',
      header: (name: string) => c.headers?.[name] ?? null,
      queryParameter: (name: string) => c.query?.[name] ?? null,
      clientIp: '192.0.2.1',
    };
    const isEmpty = (id: string): boolean => c.empty?.some((name) => id === `shop/${name}/80`) === true;
    const { shares } = explainSplit(route.split, request, (id) => !isEmpty(id));
    const found = shares.map(({ upstream, probability }) => [upstream.split('/')[1], Math.round(probability * 100)]);
    assert.deepEqual(Object.fromEntries(found), c.shares);
  });
}
