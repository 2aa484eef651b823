/**
 * The synthetic client: a child process in a network namespace of its own. It says `ready`, waits on stdin for its jobs,
 * sets its end of the veth pair up, connects as any client would, prints the replies and ends.
 */

import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { command } from '@homeward/shared/host/command';
import { createRunner } from '@homeward/shared/host/runner';
import { FAMILIES, type Family } from '@homeward/shared/net/address';
import { PROBE, PROBE_CLIENT_LINK } from '@homeward/shared/net/allocation';
import { type ProbeJob, type ProbeReply, probeJobs } from './job.js';
import { probeAddressAdd, probeNeighbourAdd } from './probe-address.js';

/** Datagrams get lost, and the first may meet a tunnel that is still shaking hands. */
const RESEND_MS = 300;

export async function runSyntheticClient(path: string | undefined): Promise<void> {
  process.stdout.write('ready\n');
  const jobs = probeJobs.parse(JSON.parse(await text(process.stdin)));
  const runner = createRunner(path);
  for (const family of FAMILIES.filter((candidate) => jobs.some((job) => familyOfJob(job) === candidate))) {
    const lines = [
      probeAddressAdd(family, 'client', PROBE_CLIENT_LINK),
      `link set dev ${PROBE_CLIENT_LINK} up`,
      probeNeighbourAdd(family, 'client', PROBE_CLIENT_LINK),
      `route add default via ${PROBE[family].relay}`,
    ];
    const option = family === 'ipv6' ? ['-6'] : [];
    await runner.run(command('ip', [...option, '-batch', '-'], `${lines.join('\n')}\n`));
  }
  const replies = await Promise.all(jobs.map((job) => (job.transport === 'tcp' ? probeTcp(job) : probeUdp(job))));
  process.stdout.write(`${JSON.stringify(replies)}\n`);
}

function familyOfJob(job: ProbeJob): Family {
  return job.address.includes(':') ? 'ipv6' : 'ipv4';
}

const RESETS = new Set(['ECONNREFUSED', 'ECONNRESET']);

function probeTcp(job: ProbeJob): Promise<ProbeReply> {
  return new Promise((resolve) => {
    const started = performance.now();
    const socket = connect({ host: job.address, port: job.port, localPort: job.clientPort });
    const done = (service: ProbeReply['service']) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ id: job.id, service, rttMs: service === 'silent' ? null : elapsed(started) });
    };
    const timer = setTimeout(() => done('silent'), job.timeoutMs);
    socket.once('connect', () => done('answered'));
    // A reset is an answer, of the backend's kernel or of a service that has no time (it may overtake our `connect`);
    // anything else (no route, timed out) is none.
    socket.on('error', (error: NodeJS.ErrnoException) => done(RESETS.has(error.code ?? '') ? 'refused' : 'silent'));
  });
}

function probeUdp(job: ProbeJob): Promise<ProbeReply> {
  return new Promise((resolve) => {
    const payload = Buffer.from(job.payload, 'base64');
    const family = familyOfJob(job);
    const socket = createSocket(family === 'ipv6' ? 'udp6' : 'udp4');
    const started = performance.now();
    let resend: NodeJS.Timeout | undefined;
    const done = (service: ProbeReply['service']) => {
      clearTimeout(timer);
      clearInterval(resend);
      socket.removeAllListeners();
      // Port-unreachable may still come in: nobody listens any more, and that is no fault.
      socket.on('error', () => undefined);
      socket.close();
      resolve({ id: job.id, service, rttMs: service === 'silent' ? null : elapsed(started) });
    };
    const timer = setTimeout(() => done('silent'), job.timeoutMs);
    socket.once('message', () => done('answered'));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') done('refused');
    });
    socket.bind(job.clientPort, PROBE[family].client, () => {
      // Connected, so that the kernel takes replies from the address we asked only, and tells of port-unreachable.
      socket.connect(job.port, job.address, () => {
        socket.send(payload);
        resend = setInterval(() => socket.send(payload), RESEND_MS);
      });
    });
  });
}

function elapsed(startedMs: number): number {
  return Math.round((performance.now() - startedMs) * 100) / 100;
}
