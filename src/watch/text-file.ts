/** Reads a text file of bounded size. Devices, pipes and directories are refused before they can block anything. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

export type TextFile =
  | { readonly text: string }
  /** `absent`: there is nothing at the path. */
  | { readonly error: string; readonly absent: boolean };

export async function readTextFile(path: string, maxBytes: number): Promise<TextFile> {
  try {
    // Without O_NONBLOCK, opening a pipe waits for its other end.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await file.stat();
    if (!stats.isFile()) return failure('is not a regular file');
    if (stats.size > maxBytes) return failure(`has ${stats.size} bytes; at most ${maxBytes}`);
    const buffer = Buffer.allocUnsafe(stats.size + 1);
    const length = await fill(file, buffer);
    // It grew while it was read: what stands there now is half of something.
    if (length > stats.size) return failure('is being written; it will be read again');
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length)) };
  } catch (error) {
    return toFailure(error);
  }
}

async function fill(
  file: { read: (into: Buffer, at: number) => Promise<{ bytesRead: number }> },
  buffer: Buffer,
): Promise<number> {
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return length;
}

function failure(error: string): TextFile {
  return { error, absent: false };
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist: a part of its path is no directory',
  EACCES: 'may not be read by this user',
  EISDIR: 'is a directory',
  ELOOP: 'is a loop of symbolic links',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'is not UTF-8 text',
};

function toFailure(error: unknown): TextFile {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return { error: REASONS[code] ?? `cannot be read (${code})`, absent: code === 'ENOENT' || code === 'ENOTDIR' };
}

/** Why an error of `node:fs` happened, in the words of this file. */
export function describeFileError(error: unknown): string {
  const failed = toFailure(error);
  return 'error' in failed ? failed.error : '';
}
