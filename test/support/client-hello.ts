/** A ClientHello of TLS 1.2 put together by hand, so that names and protocols may be what no library would send. */

const SERVER_NAME = 0;
const ALPN = 16;

/** What an OpenSSL server with an EC or RSA key can go on with. */
const CIPHERS = 'c02bc02fc02cc030cca9cca8';
const FIXED_EXTENSIONS = [
  extension(10, Buffer.from('0006001d00170018', 'hex')),
  extension(11, Buffer.from('0100', 'hex')),
  extension(13, Buffer.from('001004030503060308040805080604010501', 'hex')),
];

/** @param serverName null = no SNI; @param protocols null = no ALPN */
export function clientHello(serverName: Buffer | null, protocols: readonly string[] | null = null): Buffer {
  const extensions = [...FIXED_EXTENSIONS];
  if (serverName !== null) {
    const entry = Buffer.concat([Buffer.from([0]), withLength(serverName, 2)]);
    extensions.push(extension(SERVER_NAME, withLength(entry, 2)));
  }
  if (protocols !== null) {
    const list = Buffer.concat(protocols.map((protocol) => withLength(Buffer.from(protocol), 1)));
    extensions.push(extension(ALPN, withLength(list, 2)));
  }
  const body = Buffer.concat([
    Buffer.from('0303', 'hex'),
    Buffer.alloc(32, 7),
    withLength(Buffer.alloc(0), 1),
    withLength(Buffer.from(CIPHERS, 'hex'), 2),
    withLength(Buffer.from([0]), 1),
    withLength(Buffer.concat(extensions), 2),
  ]);
  const handshake = Buffer.concat([Buffer.from([1]), withLength(body, 3)]);
  return Buffer.concat([Buffer.from('160301', 'hex'), withLength(handshake, 2)]);
}

function extension(type: number, content: Buffer): Buffer {
  const start = Buffer.alloc(2);
  start.writeUInt16BE(type);
  return Buffer.concat([start, withLength(content, 2)]);
}

function withLength(content: Buffer, bytes: number): Buffer {
  const length = Buffer.alloc(bytes);
  length.writeUIntBE(content.length, 0, bytes);
  return Buffer.concat([length, content]);
}
