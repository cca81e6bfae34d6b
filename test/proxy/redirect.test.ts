/** The redirect to a path with its slash: nothing a client sends becomes anything but a part of the Location. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DEFAULT_ROUTE_POLICY } from '../../src/model/route-policy.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { fieldOf } from '../support/raw-message.ts';

let proxy: InProcessProxy;

before(async () => {
  proxy = new InProcessProxy({});
  const policy = { ...DEFAULT_ROUTE_POLICY, redirectMissingSlash: true };
  const path = { kind: 'prefix', value: '/dir/' } as const;
  await proxy.apply({ upstreams: [upstreamConfig('a')], routes: [routeConfig('r', 'a', { path, policy })] });
});

after(() => proxy.close());

const CASES: readonly { readonly name: string; readonly request: string; readonly location: string }[] = [
  {
    name: 'escaped line breaks stay escaped',
    request: 'GET /dir?x=%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\nHost: a.example\r\n\r\n',
    location: 'http://a.example/dir/?x=%0d%0aSet-Cookie:%20a=b',
  },
  {
    name: 'the host is that of routing, without port',
    request: 'GET /dir HTTP/1.1\r\nHost: A.Example.:8080\r\n\r\n',
    location: 'http://a.example/dir/',
  },
  {
    name: 'without a host the place is a path',
    request: 'GET /dir?a HTTP/1.0\r\n\r\n',
    location: '/dir/?a',
  },
  {
    name: 'the path is the normal form of what was sent',
    request: 'GET /x/..//../%64ir?/../ HTTP/1.1\r\nHost: a.example\r\n\r\n',
    location: 'http://a.example/dir/?/../',
  },
];

for (const { name, request, location } of CASES) {
  test(`redirect: ${name}`, async () => {
    const client = await RawClient.connect(proxy.port);
    client.write(request);
    const response = await client.response();
    client.destroy();
    assert.equal(response.startLine, 'HTTP/1.1 301 Moved Permanently');
    assert.equal(fieldOf(response, 'Location'), location);
    assert.equal(fieldOf(response, 'Set-Cookie'), null);
  });
}
