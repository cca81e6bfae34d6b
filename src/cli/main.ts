#!/usr/bin/env node
// Entry point. Nothing is imported statically and no new syntax is used, so that a Node which is too old gets as far as
// telling its user so. Everything else is in `program.ts`.
const requiredMajor = 26;

if (Number.parseInt(process.versions.node, 10) < requiredMajor) {
  process.stderr.write(`sluice needs Node.js ${requiredMajor} or newer, this is ${process.version}\n`);
  process.exit(1);
}

// A reader that went away (`sluice check … | head`) is no reason to print a stack.
process.stdout.on('error', () => process.exit(0));

import('./program.ts')
  .then((program) => program.runProgram(process.argv.slice(2), process.env, process))
  .then(
    // Exits explicitly: idle connections of `explain --admin` or a worker that does not stop must not keep the process alive.
    (exitCode) => process.exit(exitCode),
    (error: unknown) => {
      process.stderr.write(`sluice: internal error: ${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(70);
    },
  );
