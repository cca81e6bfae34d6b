/** Which requests pass a match. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileMatch } from '../../src/live/request-match.ts';
import type { RequestMatch, ValueTest } from '../../src/model/canary.ts';
import { type FactsInput, requestFacts } from '../support/request-facts.ts';

const value = (of: ValueTest['of'], name: string, kind: ValueTest['test'], wanted = ''): RequestMatch => {
  return { kind: 'value', of, name, test: kind, value: wanted };
};
const yes = value('header', 'yes', 'present');
const no = value('header', 'no', 'present');
const networks: RequestMatch = { kind: 'source', networks: ['10.0.0.0/8', '2001:db8::/32'] };

interface Case {
  readonly name: string;
  readonly match: RequestMatch;
  readonly facts?: FactsInput;
  readonly client?: string;
  readonly holds: boolean;
}

const CASES: readonly Case[] = [
  { name: 'a header that is there', match: yes, holds: true },
  { name: 'a header that is not', match: no, holds: false },
  {
    name: 'an empty header is there',
    match: value('header', 'e', 'present'),
    facts: { headers: { e: '' } },
    holds: true,
  },
  { name: 'the whole value', match: value('header', 'yes', 'exact', '1'), holds: true },
  { name: 'a part of the value', match: value('header', 'yes', 'exact', ''), holds: false },
  { name: 'the beginning', match: value('header', 'v', 'prefix', '2.'), facts: { headers: { v: '2.1' } }, holds: true },
  {
    name: 'another beginning',
    match: value('header', 'v', 'prefix', '2.'),
    facts: { headers: { v: '12.' } },
    holds: false,
  },
  {
    name: 'a pattern anywhere',
    match: value('header', 'v', 'pattern', 'b+'),
    facts: { headers: { v: 'abbc' } },
    holds: true,
  },
  {
    name: 'a pattern with its case',
    match: value('header', 'v', 'pattern', 'b'),
    facts: { headers: { v: 'B' } },
    holds: false,
  },
  { name: 'a pattern needs a value', match: value('header', 'no', 'pattern', '.*'), holds: false },
  {
    name: 'a cookie, whatever the case of its name',
    match: value('cookie', 'BETA', 'exact', '1'),
    facts: { headers: { cookie: 'a=b; beta=1' } },
    holds: true,
  },
  { name: 'no cookie at all', match: value('cookie', 'beta', 'present'), holds: false },
  { name: 'a query parameter', match: value('query', 'q', 'exact', '1'), facts: { query: { q: '1' } }, holds: true },
  { name: 'a method', match: { kind: 'method', methods: ['PUT', 'GET'] }, holds: true },
  { name: 'another method', match: { kind: 'method', methods: ['PUT'] }, holds: false },
  { name: 'a client inside', match: networks, client: '10.1.2.3', holds: true },
  { name: 'a client outside', match: networks, client: '11.1.2.3', holds: false },
  { name: 'a client inside by IPv6', match: networks, client: '2001:db8::1', holds: true },
  { name: 'not', match: { kind: 'not', term: no }, holds: true },
  { name: 'and with one that fails', match: { kind: 'and', terms: [yes, no] }, holds: false },
  { name: 'and where all hold', match: { kind: 'and', terms: [yes, yes] }, holds: true },
  { name: 'or with one that holds', match: { kind: 'or', terms: [no, yes] }, holds: true },
  { name: 'or where none holds', match: { kind: 'or', terms: [no, no] }, holds: false },
];

for (const { name, match, facts = {}, client = '192.0.2.1', holds } of CASES) {
  test(`${name}: ${holds}`, () => {
    const request = requestFacts({ ...facts, headers: { yes: '1', ...facts.headers } });
    assert.equal(compileMatch(match)(request, client), holds);
  });
}
