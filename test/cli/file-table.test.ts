/** Room for open files, before they are opened. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { growFileTable } from '../../src/cli/file-table.ts';

function tableSize(): number {
  return Number(/^FDSize:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]);
}

function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}

test('there is room for as many, and none of them stays open', { skip: process.platform !== 'linux' }, async () => {
  const wanted = tableSize() + 1;
  const before = openFiles();
  await growFileTable(wanted);
  assert.ok(tableSize() >= wanted, `${tableSize()} of ${wanted}`);
  assert.equal(openFiles(), before);
});
