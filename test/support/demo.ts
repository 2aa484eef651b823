/** The demo's story: pair, forward, prove, show what client, service and probe saw, take everything down again. */
import { endpoint } from './endpoint.js';
import { homeward, probe, start, startDaemon } from './homeward.js';
import { address, address6, createLab, type Lab } from './lab.js';
import { startPair, tokenOf } from './pairing.js';
import { poll } from './poll.js';
import { udpAsk } from './scripts.js';
import { type Service, startNginx, startUdpEcho } from './services.js';
import { difference, type Snapshot, snapshot } from './snapshot.js';

export interface Stage {
  readonly say: (line: string) => void;
  /** Prints a fact with its mark; a false one makes the demo fail. */
  readonly fact: (isTrue: boolean, text: string) => void;
}

const indent = (text: string): string => text.trimEnd().replace(/^/gm, '    ');
const forwards = ['80/tcp', '5300/udp'];

const pair = async (lab: Lab, { say, fact }: Stage): Promise<void> => {
  say('relay$   controller serve');
  await startDaemon(lab.relay, 'controller');
  say(`relay$   controller pair home ${forwards.map((spec) => `--forward ${spec}`).join(' ')}`);
  const begin = Date.now();
  const pairing = startPair(lab.relay, 'home', forwards);
  const token = await tokenOf(pairing);
  say(`         a token: ${token.slice(0, 8)}… (${token.length} characters, shown once)`);
  say('backend$ agent enroll < token');
  const enrolled = await homeward(lab.backend, 'agent', ['enroll'], { input: `${token}\n` });
  if (enrolled.exitCode !== 0) throw new Error(`agent enroll failed:\n${enrolled.stderr}`);
  say('backend$ agent run');
  start(lab.backend, 'agent', ['run']);
  const code = await pairing.process.ended;
  const events = pairing.events();
  const done = events.at(-1);
  if (code !== 0) say(indent(pairing.process.stderr()));
  fact(
    code === 0 && done?.event === 'done' && done.ok === true,
    `paired in ${((Date.now() - begin) / 1000).toFixed(1)} s: ${events.map(({ event }) => event).join(' → ')}`,
  );
};

const showTcp = async (lab: Lab, host: string, nginx: Service, { say, fact }: Stage): Promise<void> => {
  const before = nginx.seen().length;
  const url = `http://${endpoint(host, 80)}/`;
  say(`client$  curl ${url}`);
  const format = '\\n%{local_ip} %{local_port}';
  const { stdout, stderr } = await lab.client.run(['curl', '-sS', '-m', '10', '-w', format, url]);
  const [body, from = ''] = stdout.split('\n');
  const [ip = 'no address', port = ''] = from.split(' ');
  const client = endpoint(ip, Number(port));
  fact(body === 'hello from nginx', `the client ${client} was answered: ${body || stderr}`);
  const seen = await poll("nginx's log", 2_000, () => nginx.seen()[before]).catch(() => 'nothing');
  fact(seen === client, `nginx at the backend logged ${seen}`);
};

const showUdp = async (lab: Lab, echo: Service, { say, fact }: Stage): Promise<void> => {
  say(`client$  a datagram to ${address.relay}:5300`);
  const { localPort, reply, from } = await udpAsk(lab.client, address.relay, 5300);
  const client = `${address.client}:${localPort}`;
  fact(from === `${address.relay}:5300`, `the client ${client} was answered from ${from ?? 'nowhere'}`);
  const seen = echo.seen().at(-1) ?? 'nothing';
  fact(reply === client && seen === client, `the UDP service (bound to the wildcard) saw ${seen}`);
};

const showProof = async (lab: Lab, { say, fact }: Stage): Promise<void> => {
  say('relay$   controller probe');
  say(indent((await homeward(lab.relay, 'controller', ['probe'])).stdout));
  const { exitCode, report } = await probe(lab.relay);
  const isProven = exitCode === 0 && report.ok && report.results.every((one) => one.ok && one.seen === one.client);
  fact(
    isProven && report.results.length >= forwards.length,
    `${report.results.length} probes, and every forward is proven`,
  );
  say('relay$   controller status');
  say(indent((await homeward(lab.relay, 'controller', ['status'])).stdout));
};

const tearDown = async (lab: Lab, { say, fact }: Stage, before: readonly Snapshot[]): Promise<void> => {
  for (const [node, program] of [[lab.relay, 'controller'] as const, [lab.backend, 'agent'] as const]) {
    say(`${`${node.name}$`.padEnd(9)}${program} down`);
    const { exitCode, stderr } = await homeward(node, program, ['down']);
    if (exitCode !== 0) fact(false, `${program} down: exit ${exitCode}: ${stderr}`);
  }
  const after = [await snapshot(lab.relay), await snapshot(lab.backend)];
  const left = after.flatMap((now, index) => difference(before[index] ?? now, now));
  fact(left.length === 0, `nothing is left behind: rules, routes, links and sysctls ${left.join('; ') || 'as before'}`);
};

/** Plays the whole story in a lab of its own, which is gone at the end. */
export const playDemo = async (stage: Stage): Promise<void> => {
  const lab = await createLab();
  try {
    stage.say(`a lab of network namespaces: client ${address.client}, relay ${address.relay}, and a backend`);
    stage.say(`${address.backend} behind a NAT (${address.home}), all with strict reverse path filtering\n`);
    const [nginx, echo] = await Promise.all([
      startNginx(lab.backend, 80, 'hello from nginx'),
      startUdpEcho(lab.backend, 5300, '::'),
    ]);
    const before = [await snapshot(lab.relay), await snapshot(lab.backend)];
    await pair(lab, stage);
    await showTcp(lab, address.relay, nginx, stage);
    await showTcp(lab, address6.relay, nginx, stage);
    await showUdp(lab, echo, stage);
    await showProof(lab, stage);
    await tearDown(lab, stage, before);
  } finally {
    await lab.close();
  }
};
