/** What is said of probes that fail on this side of the connection. */
import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import os from 'node:os';
import { type TestContext, test } from 'node:test';
import type { ProbeTools } from '../../src/health/probe.ts';
import { eventuallyTrue } from '../support/eventually-true.ts';
import { CHECK, createRig, endpoint, TOOLS, upstream } from './prober-rig.ts';

/** Connections open at once, and nothing can be written to them. */
function failingToWrite(errno: number): ProbeTools {
  return {
    connect: (_address, _transport, user) => {
      const socket = new Socket();
      queueMicrotask(() => user.onConnected(socket));
      return socket;
    },
    createWriter: (socket) => {
      const writer = {
        errno: 0,
        writeText: () => {
          writer.errno = errno;
          socket.destroy();
          return true;
        },
      };
      return writer;
    },
    createReader: TOOLS.createReader,
  };
}

const cases = [
  { code: 'ENOBUFS', errno: -os.constants.errno.ENOBUFS, reason: 'local shortage ENOBUFS', isHealthy: true },
  { code: 'EPIPE', errno: -os.constants.errno.EPIPE, reason: 'write EPIPE', isHealthy: false },
] as const;

for (const c of cases) {
  test(`a question that cannot be written (${c.code}) ${c.isHealthy ? 'says nothing about' : 'is a failure of'} the endpoint`, async (t: TestContext) => {
    const rig = createRig(t, undefined, failingToWrite(c.errno));
    rig.prober.apply([upstream('shop', { ...CHECK, unhealthyAfter: 1 }, [endpoint('10.0.0.1')])]);
    rig.clock.runNext();
    await eventuallyTrue(() => rig.prober.lastCheck('shop', '10.0.0.1:80') !== null);
    assert.equal(rig.prober.lastCheck('shop', '10.0.0.1:80')?.reason, c.reason);
    assert.equal(rig.prober.snapshot().length, c.isHealthy ? 0 : 1);
  });
}
