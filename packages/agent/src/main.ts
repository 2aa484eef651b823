/** The agent's program: runs the command line. */

import { agentProgram } from './program.js';

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());

process.exitCode = await agentProgram(interrupt.signal).terminal.run(process.argv);
