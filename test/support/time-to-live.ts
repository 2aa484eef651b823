/** How long it takes until one more forward is live: the same measure for the lab's ratio and the benchmark's milliseconds. */
import { callDaemon } from '@homeward/shared/local/api-client';
import { address, type Lab } from './lab.js';
import { script } from './scripts.js';

/** Milliseconds from the command's arrival at the daemon to the first connection of a client. The start of the program that brings it is not the daemon's. */
export const timeToLive = async (lab: Lab, port: number): Promise<number> => {
  const client = lab.client.spawn(script('clients/first-answer', address.relay, String(port)));
  await client.prints(/ready/);
  const socketPath = lab.relay.file('/run/homeward/controller.sock');
  const daemon = { socketPath, program: 'controller', startHint: 'controller serve' };
  const startedAtMs = Date.now();
  await callDaemon(daemon, 'forward-add', { backend: 'home', specs: [`${port}/tcp`] }, () => undefined);
  const [, answeredAtMs] = await client.prints(/"answeredAtMs":(\d+)/);
  return Number(answeredAtMs) - startedAtMs;
};

/** One after another. */
export const timesToLive = async (lab: Lab, ports: readonly number[]): Promise<number[]> => {
  const times: number[] = [];
  for (const port of ports) times.push(await timeToLive(lab, port));
  return times;
};

export const median = (times: readonly number[]): number =>
  [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
