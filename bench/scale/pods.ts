/**
 * One server for every pod, in a process of its own. It answers with the address it was reached at, and the port it was reached
 * from: that tells connections of the proxy apart.
 */
import { createServer } from 'node:net';
import { growFileTable } from '../../src/cli/file-table.ts';

const HEAD_END = '\r\n\r\n';
const MAX_CONNECTIONS = 2_000;

// Or it stops for a moment whenever the number of its connections doubles.
await growFileTable(MAX_CONNECTIONS);
const server = createServer({ noDelay: true }, (socket) => {
  const { localAddress = '', remotePort = 0 } = socket;
  const body = `${localAddress} ${remotePort}`;
  const answer = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}${HEAD_END}${body}`;
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    for (let end = text.indexOf(HEAD_END); end !== -1; end = text.indexOf(HEAD_END)) {
      text = text.slice(end + HEAD_END.length);
      socket.write(answer);
    }
  });
  socket.on('error', () => socket.destroy());
});
server.listen(0, '0.0.0.0', () => process.send?.(server.address()));
process.on('disconnect', () => process.exit());
