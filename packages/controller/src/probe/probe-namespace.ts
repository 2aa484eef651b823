/** Runs the synthetic client in a namespace that nobody names: it exists while the child lives, and takes its link with it, however either ends. */

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { command } from '@homeward/shared/host/command';
import { childEnvironment, type Runner } from '@homeward/shared/host/runner';
import type { Family } from '@homeward/shared/net/address';
import { PROBE_CLIENT_LINK, PROBE_LINK } from '@homeward/shared/net/allocation';
import { type ProbeJob, type ProbeReply, probeReplies } from './job.js';
import { PROBE_MAC, probeAddressAdd, probeNeighbourAdd } from './probe-address.js';

export interface SyntheticClient {
  /** Runs the jobs side by side; throws `command-failed` when the client could not be set up. */
  run(jobs: readonly ProbeJob[], signal: AbortSignal): Promise<ProbeReply[]>;
}

/** `program` is the argv that starts the client's side (this very program with a hidden command); `families` are this machine's. */
export function createSyntheticClient(
  runner: Runner,
  families: readonly Family[],
  program: readonly string[],
  path: string | undefined,
): SyntheticClient {
  return {
    async run(jobs, signal) {
      const child = spawn('unshare', ['--net', ...program], { env: childEnvironment(path), signal });
      // Without a listener a failed spawn or an abort would end the daemon; the missing lines tell us.
      child.on('error', () => undefined);
      child.stdin.on('error', () => undefined);
      try {
        return await converse(child, runner, families, jobs);
      } finally {
        await endChild(child);
      }
    },
  };
}

async function converse(
  child: ChildProcessWithoutNullStreams,
  runner: Runner,
  families: readonly Family[],
  jobs: readonly ProbeJob[],
): Promise<ProbeReply[]> {
  let stderr = '';
  child.stderr.on('data', (part) => {
    stderr += String(part);
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const failed = (cause: string) =>
    new RelayError('command-failed', `the synthetic client failed: ${cause}`, { details: { stderr } });
  const ready = await lines.next();
  if (ready.value !== 'ready' || child.pid === undefined) throw failed(stderr.trim() || 'it did not start');
  await runner.run(
    command(
      'ip',
      ['-batch', '-'],
      [
        `link add ${PROBE_LINK} address ${PROBE_MAC.relay} type veth peer name ${PROBE_CLIENT_LINK} address ${PROBE_MAC.client} netns ${child.pid}`,
        ...families.map((family) => probeAddressAdd(family, 'relay', PROBE_LINK)),
        `link set dev ${PROBE_LINK} up`,
        ...families.map((family) => probeNeighbourAdd(family, 'relay', PROBE_LINK)),
        '',
      ].join('\n'),
    ),
  );
  try {
    child.stdin.end(JSON.stringify(jobs));
    const answer = await lines.next();
    if (answer.done === true) throw failed(stderr.trim() || 'it ended without an answer');
    return probeReplies.parse(JSON.parse(answer.value));
  } finally {
    await removeLink(runner);
  }
}

/** Explicitly, since the kernel takes a dead namespace apart only some time later, and the next probe needs the name. */
async function removeLink(runner: Runner): Promise<void> {
  await runner.run(command('ip', ['link', 'delete', 'dev', PROBE_LINK])).catch((error: unknown) => {
    if (!(error instanceof RelayError) || error.code !== 'command-failed') throw error;
  });
}

async function endChild(child: ChildProcessWithoutNullStreams): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill('SIGKILL');
  await once(child, 'close');
}
