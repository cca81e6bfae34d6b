/** gRPC end to end: a client, the whole program, a server; in the clear and over TLS on both sides. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { credentials, Metadata, status } from '@grpc/grpc-js';
import { CertificateAuthority } from '../support/certificate-authority.ts';
import { GrpcEchoClient, GrpcEchoServer } from '../support/grpc-service.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

const MIB = 1_048_576;

let clear: GrpcEchoServer;
let encrypted: GrpcEchoServer;
let sluice: SluiceProcess;

before(async () => {
  const authority = await CertificateAuthority.make('authority');
  clear = await GrpcEchoServer.start(null);
  encrypted = await GrpcEchoServer.start(await authority.issue('echo.internal', '127.0.0.1'));
  sluice = await SluiceProcess.start({
    config: {
      upstreams: {
        clear: { endpoints: [{ address: clear.address }], protocol: 'http2' },
        encrypted: { endpoints: [{ address: encrypted.address }], protocol: 'http2', tls: { caFile: 'ca.crt' } },
      },
      routes: [
        { host: 'clear.example', upstream: 'clear' },
        { host: 'encrypted.example', upstream: 'encrypted' },
      ],
    },
    files: { 'ca.crt': authority.rootPem },
  });
});

after(async () => {
  clear.close();
  encrypted.close();
  await sluice.kill();
});

function connect(kind: string): GrpcEchoClient {
  const name = `${kind}.example`;
  const authority = { 'grpc.default_authority': name, 'grpc.ssl_target_name_override': name };
  const port = kind === 'clear' ? sluice.httpPort : sluice.httpsPort;
  const trust = credentials.createSsl(null, null, null, { rejectUnauthorized: false });
  return new GrpcEchoClient(`127.0.0.1:${port}`, kind === 'clear' ? credentials.createInsecure() : trust, authority);
}

for (const kind of ['clear', 'encrypted']) {
  const server = (): GrpcEchoServer => (kind === 'clear' ? clear : encrypted);

  test(`${kind}: a unary call brings its message, and metadata before and behind it`, async (t) => {
    const client = connect(kind);
    t.after(() => client.close());
    const metadata = new Metadata();
    metadata.set('x-asked', 'politely');
    metadata.set('x-asked-bin', Buffer.from([9, 0, 255]));
    const { error, message, head, trailers } = await client.unary(Buffer.from('hello'), metadata);
    assert.equal(error, null);
    assert.equal(message?.toString(), 'hello');
    assert.deepEqual(head?.get('x-early'), ['yes']);
    assert.deepEqual(trailers?.get('x-late'), ['too']);
    assert.deepEqual(trailers?.get('x-late-bin'), [Buffer.from([1, 2, 250])]);
    const seen = server().calls.at(-1);
    assert.deepEqual(seen?.get('x-asked'), ['politely']);
    assert.deepEqual(seen?.get('x-asked-bin'), [Buffer.from([9, 0, 255])]);
    assert.deepEqual(seen?.get('x-forwarded-proto'), [kind === 'clear' ? 'http' : 'https']);
  });

  test(`${kind}: an error without any message, which is trailers alone, arrives with its details`, async (t) => {
    const client = connect(kind);
    t.after(() => client.close());
    const { error } = await client.unary(Buffer.from('fail'));
    assert.equal(error?.code, status.NOT_FOUND);
    assert.equal(error.details, 'nothing of that name: ä');
    assert.deepEqual(error.metadata.get('x-reason'), ['asked for']);
    assert.deepEqual(error.metadata.get('x-detail-bin'), [Buffer.from([0, 1, 255])]);
  });

  test(`${kind}: an unknown method is answered by the server`, async (t) => {
    const client = connect(kind);
    t.after(() => client.close());
    const { error } = await client.unaryOf('/test.Echo/None', Buffer.from('x'));
    assert.equal(error?.code, status.UNIMPLEMENTED);
  });

  test(`${kind}: messages larger than all windows go both ways`, async (t) => {
    const client = connect(kind);
    t.after(() => client.close());
    const large = Buffer.alloc(6 * MIB, 'abcdefg');
    const { error, message } = await client.unary(large);
    assert.equal(error, null);
    assert.ok(message?.equals(large));
  });

  test(`${kind}: the server streams, each message in its place`, async (t) => {
    const client = connect(kind);
    t.after(() => client.close());
    const call = client.serverStream(Buffer.from('200*20000'));
    let at = 0;
    for await (const message of call as AsyncIterable<Buffer>) {
      assert.equal(message.length, 20_000);
      assert.equal(message[0], at++);
    }
    assert.equal(at, 200);
  });

  test(`${kind}: the client streams`, async (t) => {
    const client = connect(kind);
    t.after(() => client.close());
    const { call, answer } = client.clientStream();
    for (let at = 0; at < 300; at++) call.write(Buffer.alloc(10_000));
    call.end();
    assert.equal(await answer, '300*3000000');
  });

  test(`${kind}: both stream, and each answer comes before the next question is asked`, async (t) => {
    const client = connect(kind);
    t.after(() => client.close());
    const call = client.bidirectional();
    for (let turn = 0; turn < 50; turn++) {
      const answered = once(call, 'data');
      call.write(Buffer.from(`turn ${turn}`));
      const [message] = (await answered) as [Buffer];
      assert.equal(message.toString(), `turn ${turn}`);
    }
    const ended = once(call, 'end');
    call.resume();
    call.end();
    await ended;
  });

  test(`${kind}: a deadline ends the call on both sides, and the next call works`, async (t) => {
    const client = connect(kind);
    t.after(() => client.close());
    assert.equal((await client.unary(Buffer.from('open the connections'))).error, null);
    const { cancelled, calls } = server();
    const known = calls.length;
    // Of a call whose deadline was over before the server had seen it there is nothing to cancel.
    for (let deadlineMs = 300; calls.length === known; deadlineMs *= 2) {
      assert.ok(deadlineMs < 60_000, 'no call has come to the server');
      const { error } = await client.unary(Buffer.from('wait'), new Metadata(), deadlineMs);
      assert.equal(error?.code, status.DEADLINE_EXCEEDED);
    }
    await server().untilCancelled(cancelled + 1);
    assert.equal((await client.unary(Buffer.from('still there'))).error, null);
  });

  test(`${kind}: a call the client cancels is cancelled at the server`, async (t) => {
    const client = connect(kind);
    t.after(() => client.close());
    const earlier = server().cancelled;
    const call = client.serverStream(Buffer.from('1000000*1000'));
    call.on('error', () => {});
    await once(call, 'data');
    call.cancel();
    await server().untilCancelled(earlier + 1);
    assert.equal((await client.unary(Buffer.from('still there'))).error, null);
  });

  test(`${kind}: many calls share connections without getting mixed up`, async (t) => {
    const client = connect(kind);
    t.after(() => client.close());
    const numbers = Array.from({ length: 300 }, (_, at) => at);
    const results = await Promise.all(numbers.map((at) => client.unary(Buffer.from(`message ${at}`))));
    assert.deepEqual(
      results.map(({ message }) => message?.toString()),
      numbers.map((at) => `message ${at}`),
    );
  });
}
