/**
 * `npm run bench`: how soon one more forward is live beside a few, and beside ten thousand. Ends with 1 where ten thousand
 * cost more than the promised 150 ms: to be run on a machine that does nothing else.
 */
import { homeward } from '../support/homeward.js';
import { createLab } from '../support/lab.js';
import { pairUp } from '../support/pairing.js';
import { startListener, startNginx } from '../support/services.js';
import { expectDone } from '../support/tidy.js';
import { median, timesToLive } from '../support/time-to-live.js';

const promisedMs = 150;
const count = 10_000;
const rounds = 15;

const ports = (first: number) => Array.from({ length: rounds }, (_, index) => first + index);
const told = (times: readonly number[]) =>
  `median ${median(times)} ms (${Math.min(...times)} to ${Math.max(...times)} ms, ${times.length} times)`;

const lab = await createLab();
try {
  const [few, many] = [ports(30_000), ports(31_000)];
  await Promise.all([
    startNginx(lab.backend, 80),
    ...[...few, ...many].map((port) => startListener(lab.backend, `on-${port}`, port)),
  ]);
  await pairUp(lab, { forwards: ['80/tcp'] });
  const besideFew = await timesToLive(lab, few);
  const specs = Array.from({ length: count }, (_, index) => `${10_000 + index}${index % 2 === 0 ? '=80/tcp' : '/udp'}`);
  expectDone(await homeward(lab.relay, 'controller', ['forward', 'add', 'home', ...specs]));
  const besideMany = await timesToLive(lab, many);
  process.stdout.write(`one more beside a few forwards:  ${told(besideFew)}\n`);
  process.stdout.write(`one more beside ${count} forwards: ${told(besideMany)}\n`);
  process.stdout.write(`ratio: ${(median(besideMany) / median(besideFew)).toFixed(1)}\n`);
  if (median(besideMany) > promisedMs) process.exitCode = 1;
} finally {
  await lab.close();
}
