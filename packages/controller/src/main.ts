/** The controller's program: runs the command line. */

import { controllerProgram } from './program.js';

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());

process.exitCode = await controllerProgram(interrupt.signal).terminal.run(process.argv);
