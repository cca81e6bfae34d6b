/** TLS to upstreams as the static file asks for it: who is trusted, what is sent, and what a failure looks like to a client. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { CertificateAuthority, type TestCertificate } from '../support/certificate-authority.ts';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream, type UpstreamRequest } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

let upstream: ScriptedUpstream;
let stranger: ScriptedUpstream;
let demanding: ScriptedUpstream;
let sluice: SluiceProcess;
let authority: CertificateAuthority;
let clientPair: TestCertificate;

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';

function config(tls: unknown, address = upstream.address): unknown {
  return { upstreams: { shop: { endpoints: [{ address }], tls } }, routes: [{ upstream: 'shop' }] };
}

before(async () => {
  authority = await CertificateAuthority.make('authority');
  const other = await CertificateAuthority.make('other');
  const served = await authority.issue('shop.internal', 'localhost', '127.0.0.1');
  const foreign = await other.issue('shop.internal', 'localhost', '127.0.0.1');
  clientPair = await authority.issue('sluice.internal');
  upstream = await ScriptedUpstream.start(() => ok('sent over tls'), {
    tls: { cert: served.certPem, key: served.keyPem, ALPNProtocols: ['h2', 'http/1.1'] },
  });
  stranger = await ScriptedUpstream.start(() => ok('stranger'), {
    tls: { cert: foreign.certPem, key: foreign.keyPem },
  });
  demanding = await ScriptedUpstream.start(() => ok('for friends'), {
    tls: { cert: served.certPem, key: served.keyPem, requestCert: true, ca: authority.rootPem },
  });
  sluice = await SluiceProcess.start({
    config: config({ caFile: 'ca.crt' }),
    files: {
      'ca.crt': authority.rootPem,
      'other.crt': other.rootPem,
      'client.crt': clientPair.certPem,
      'client.key': clientPair.keyPem,
    },
  });
});

after(async () => {
  await sluice.kill();
  for (const each of [upstream, stranger, demanding]) await each.close();
});

async function statusWith(tls: unknown, address?: string): Promise<number> {
  await sluice.reload(config(tls, address));
  const client = await RawClient.connect(sluice.httpPort);
  client.write(GET);
  const status = await client.status();
  client.destroy();
  return status;
}

async function lastRequest(tls: unknown, address?: string): Promise<UpstreamRequest> {
  upstream.forget();
  assert.equal(await statusWith(tls, address), 200);
  return upstream.request();
}

async function failureWith(tls: unknown, address?: string): Promise<string> {
  const from = sluice.logs.length;
  assert.equal(await statusWith(tls, address), 502);
  const line = await sluice.log('upstream tls failed', from);
  assert.equal(line.level, 'warn');
  assert.equal(line['upstream'], 'shop');
  assert.equal(line['endpoint'], address ?? upstream.address);
  return String(line['reason']);
}

test('an endpoint is trusted by the authority of the file and its own address, and HTTP/1.1 is negotiated', async () => {
  const { connection } = await lastRequest({ caFile: 'ca.crt' });
  assert.equal(connection.tlsSocket.alpnProtocol, 'http/1.1');
  assert.equal(connection.tlsSocket.servername, false);
});

test('the server name is sent, and the certificate must hold it', async () => {
  const { connection } = await lastRequest({ caFile: 'ca.crt', serverName: 'Shop.Internal' });
  assert.equal(connection.tlsSocket.servername, 'shop.internal');
  assert.match(
    await failureWith({ caFile: 'ca.crt', serverName: 'cart.internal' }),
    /ERR_TLS_CERT_ALTNAME_INVALID.*cart\.internal/,
  );
});

test('the host name of an endpoint is its server name where none is given', async () => {
  const { connection } = await lastRequest({ caFile: 'ca.crt' }, `localhost:${upstream.port}`);
  assert.equal(connection.tlsSocket.servername, 'localhost');
});

test('an endpoint of an unknown authority is answered 502, unless nothing is verified', async () => {
  assert.match(
    await failureWith({ caFile: 'ca.crt' }, stranger.address),
    /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT/,
  );
  assert.match(await failureWith({}, stranger.address), /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT/);
  assert.equal(stranger.requests.length, 0);
  assert.equal(await statusWith({ verify: false }, stranger.address), 200);
  assert.equal(await statusWith({ caFile: 'other.crt' }, stranger.address), 200);
});

test('an endpoint that does not speak TLS is a failed connection', async (t) => {
  const plain = net.createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  });
  t.after(() => plain.close());
  await new Promise<void>((resolve) => {
    plain.listen(0, '127.0.0.1', resolve);
  });
  const { port } = plain.address() as net.AddressInfo;
  assert.match(await failureWith({ verify: false }, `127.0.0.1:${port}`), /ERR_SSL/);
});

test('the client certificate is shown to endpoints that ask for one, and one that insists refuses without it', async () => {
  const tls = { caFile: 'ca.crt', certFile: 'client.crt', keyFile: 'client.key' };
  assert.equal(await statusWith(tls, demanding.address), 200);
  const { connection } = await demanding.request();
  assert.equal(connection.tlsSocket.getPeerCertificate().subject.CN, 'sluice.internal');
  assert.equal(await statusWith({ caFile: 'ca.crt' }, demanding.address), 502);
});

test('a renewed authority file is in force without an edit of the configuration', async () => {
  assert.equal(await statusWith({ caFile: 'ca.crt' }, upstream.address), 200);
  const from = sluice.logs.length;
  sluice.writeFile('ca.crt', (await CertificateAuthority.make('unrelated')).rootPem);
  await sluice.log('configuration applied', from);
  const client = await RawClient.connect(sluice.httpPort);
  client.write(GET);
  assert.equal(await client.status(), 502);
  const restored = sluice.logs.length;
  sluice.writeFile('ca.crt', authority.rootPem);
  await sluice.log('configuration applied', restored);
  client.write(GET);
  assert.equal(await client.status(), 200);
  client.destroy();
});

test('no line of the log holds key material', () => {
  const key = clientPair.keyPem.split('\n')[1] ?? '';
  assert.ok(key.length > 20);
  const text = JSON.stringify(sluice.logs) + sluice.otherOutput;
  assert.doesNotMatch(text, /PRIVATE KEY/);
  assert.ok(!text.includes(key));
});
