/** What stands in for connections to an endpoint until somebody wants one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Endpoint } from '../../src/balancer/endpoint.ts';
import type { Exchange } from '../../src/proxy/exchange.ts';
import { UnusedTransport } from '../../src/proxy/unused-transport.ts';
import type { UpstreamTransport } from '../../src/proxy/upstream-transport.ts';

interface Made {
  readonly transport: UpstreamTransport;
  readonly calls: string[];
}

function makeTransport(): Made {
  const calls: string[] = [];
  const transport = {
    idleCount: 0,
    openCount: 1,
    hasRoom: false,
    dispatch: (_: Exchange, mayReuse: boolean) => void calls.push(`dispatch ${mayReuse}`),
    close: () => void calls.push('close'),
    retire: () => void calls.push('retire'),
  };
  return { transport, calls };
}

function exchangeWith(endpoint: Endpoint): Exchange {
  return { endpoint } as Exchange;
}

test('the first exchange of an endpoint goes to connections of its own, and so do all that follow', () => {
  const made: Made[] = [];
  const unused = new UnusedTransport(() => {
    const one = makeTransport();
    made.push(one);
    return one.transport;
  });
  const [a, b] = [new Endpoint('u', '10.0.0.1', 80, 1), new Endpoint('u', '10.0.0.2', 80, 1)];
  for (const endpoint of [a, b]) endpoint.transport = unused;
  unused.dispatch(exchangeWith(a), true);
  assert.equal(a.transport, made[0]?.transport);
  assert.equal(b.transport, unused);
  unused.dispatch(exchangeWith(b), false);
  assert.deepEqual(
    made.map(({ calls }) => calls),
    [['dispatch true'], ['dispatch false']],
  );
});

test('connections to an endpoint that has left are closed after their exchange', () => {
  const { transport, calls } = makeTransport();
  const endpoint = new Endpoint('u', '10.0.0.1', 80, 1);
  endpoint.removed = true;
  new UnusedTransport(() => transport).dispatch(exchangeWith(endpoint), true);
  assert.deepEqual(calls, ['close', 'dispatch true']);
});
