/** Where commands write, so that tests can listen, and the exit code they share. */

/** The command line or an environment variable is wrong, or (`check`, `explain`, `canary status`) the source cannot be read. */
export const EXIT_USAGE = 2;

export interface OutputStreams {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
}

export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}
