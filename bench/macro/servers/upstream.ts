/**
 * The upstream of every target: answers each request head with the same few bytes, over a raw socket, so that as little as
 * possible of the measured machine goes into it. Knows GET without a body and nothing else. Usage: `upstream.ts <port>`.
 */
import { createServer } from 'node:net';

const BODY = 'forty bytes of an answer, and not more.\n';
const RESPONSE = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
  'latin1',
);
const END_OF_HEAD = '\r\n\r\n';

const server = createServer({ noDelay: true }, (socket) => {
  let rest = '';
  socket.on('data', (chunk: Buffer) => {
    const text = rest + chunk.toString('latin1');
    let from = 0;
    for (let end = text.indexOf(END_OF_HEAD); end !== -1; end = text.indexOf(END_OF_HEAD, from)) {
      socket.write(RESPONSE);
      from = end + END_OF_HEAD.length;
    }
    rest = text.slice(from);
  });
  socket.on('error', () => socket.destroy());
});
server.listen(Number(process.argv[2]), '127.0.0.1');
