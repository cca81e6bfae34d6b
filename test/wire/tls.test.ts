/** TLS at the edge: which certificate a name gets, and what happens to connections when certificates change. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { generate } from 'selfsigned';
import { RawClient } from '../support/raw-client.ts';
import { fieldOf } from '../support/raw-message.ts';
import { ok, ScriptedUpstream, type UpstreamRequest } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

interface Pair {
  readonly cert: string;
  readonly private: string;
}

/** `dnsNames[0]` is the common name, by which the tests know the certificate again. */
async function makePair(commonName: string, ...dnsNames: readonly string[]): Promise<Pair> {
  return generate([{ name: 'commonName', value: commonName }], {
    algorithm: 'sha256',
    keyType: 'ec',
    extensions: [{ name: 'subjectAltName', altNames: dnsNames.map((value) => ({ type: 2, value })) }],
  });
}

let upstream: ScriptedUpstream;
let sluice: SluiceProcess;

before(async () => {
  upstream = await ScriptedUpstream.start(() => ok('secret'));
  const fallback = await makePair('fallback', 'fallback.example');
  const exact = await makePair('exact', 'shop.example');
  const wildcard = await makePair('wildcard', '*.shop.example');
  const names = ['fallback', 'exact', 'wildcard'];
  sluice = await SluiceProcess.start({
    config: {
      listeners: [
        { name: 'web', port: 0 },
        {
          name: 'websecure',
          port: 0,
          tls: { certificates: names.map((name) => ({ certFile: `${name}.crt`, keyFile: `${name}.key` })) },
        },
      ],
      upstreams: { a: { endpoints: [{ address: upstream.address }] } },
      routes: [{ upstream: 'a' }],
    },
    files: {
      'fallback.crt': fallback.cert,
      'fallback.key': fallback.private,
      'exact.crt': exact.cert,
      'exact.key': exact.private,
      'wildcard.crt': wildcard.cert,
      'wildcard.key': wildcard.private,
    },
  });
});

after(async () => {
  await sluice.kill();
  await upstream.close();
});

async function connect(servername: string): Promise<RawClient> {
  return RawClient.connectTls(sluice.httpsPort, servername === '' ? {} : { servername });
}

function certificateOf(client: RawClient): string {
  return String((client.socket as TLSSocket).getPeerCertificate().subject.CN);
}

async function certificateFor(servername: string): Promise<string> {
  const client = await connect(servername);
  const name = certificateOf(client);
  client.destroy();
  return name;
}

const NAMES: readonly { readonly name: string; readonly servername: string; readonly certificate: string }[] = [
  { name: 'a name with a certificate of its own gets it', servername: 'shop.example', certificate: 'exact' },
  { name: 'names are compared without case', servername: 'SHOP.Example', certificate: 'exact' },
  { name: 'a name one label below gets the wildcard', servername: 'a.shop.example', certificate: 'wildcard' },
  { name: 'a wildcard is for one label only', servername: 'a.b.shop.example', certificate: 'fallback' },
  { name: 'an unknown name gets the default', servername: 'unknown.example', certificate: 'fallback' },
  { name: 'a client without SNI gets the default', servername: '', certificate: 'fallback' },
];

for (const { name, servername, certificate } of NAMES) {
  test(name, async () => {
    assert.equal(await certificateFor(servername), certificate);
  });
}

const GET = 'GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n';

test('requests over TLS say so to the back end', async () => {
  upstream.forget();
  const client = await connect('shop.example');
  client.write(GET);
  assert.equal((await client.response()).body.toString(), 'secret');
  const request = await upstream.request();
  assert.equal(request.field('X-Forwarded-Proto'), 'https');
  assert.equal(request.field('X-Forwarded-Scheme'), 'https');
  assert.equal(request.field('X-Scheme'), 'https');
  assert.equal(request.field('X-Forwarded-Port'), String(sluice.httpsPort));
  client.destroy();
});

test('http/1.1 is chosen by ALPN, and TLS 1.1 refused', async () => {
  const client = await RawClient.connectTls(sluice.httpsPort, { ALPNProtocols: ['h3', 'http/1.1'] });
  assert.equal((client.socket as TLSSocket).alpnProtocol, 'http/1.1');
  client.destroy();
  await assert.rejects(
    RawClient.connectTls(sluice.httpsPort, {
      minVersion: 'TLSv1.1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    }),
  );
});

test('clear text on the TLS port is refused and harms nobody', async () => {
  const client = await RawClient.connect(sluice.httpsPort);
  client.write(GET);
  assert.notEqual((await client.remainder()).ending, 'open');
  assert.equal(await certificateFor('shop.example'), 'exact');
});

test('a truncated body over TLS is never ended cleanly', async () => {
  const restore = upstream.script;
  upstream.script = ({ connection }: UpstreamRequest) => {
    connection.socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nmine\r\n');
    return null;
  };
  const client = await connect('shop.example');
  client.write(GET);
  const { text } = await client.remainder();
  upstream.script = restore;
  assert.doesNotMatch(text, /0\r\n\r\n$/);
});

test('a bad request over TLS gets its 400 and a clean end', async () => {
  const client = await connect('shop.example');
  client.write('BAD\r\n\r\n');
  assert.equal(fieldOf(await client.response(), 'Connection'), 'close');
  assert.deepEqual(await client.remainder(), { text: '', ending: 'end' });
});

test('a renewed certificate is used for new connections while old ones go on', async () => {
  const old = await connect('shop.example');
  const oldDefault = await connect('');
  const renewed = await makePair('renewed', 'shop.example');
  const renewedDefault = await makePair('renewed-default', 'fallback.example');
  const from = sluice.logs.length;
  sluice.writeFile('exact.key', renewed.private);
  sluice.writeFile('exact.crt', renewed.cert);
  sluice.writeFile('fallback.key', renewedDefault.private);
  sluice.writeFile('fallback.crt', renewedDefault.cert);
  await sluice.log('configuration applied', from);
  for (;;) {
    const seen = sluice.logs.length;
    if ((await certificateFor('shop.example')) === 'renewed' && (await certificateFor('')) === 'renewed-default') break;
    await sluice.log('configuration applied', seen);
  }
  assert.equal(await certificateFor('unknown.example'), 'renewed-default');
  for (const client of [old, oldDefault]) {
    client.write(GET);
    assert.equal((await client.response()).body.toString(), 'secret');
    client.destroy();
  }
  assert.equal(await certificateFor('a.shop.example'), 'wildcard');
});
