/** Keys and tokens appear neither in argument lists nor in what the daemons write. */
import { statSync } from 'node:fs';
import { expect } from 'chai';
import { watchArgv } from '../support/argv-watch.js';
import { stateDirectory } from '../support/homeward.js';
import { createLab, type Lab } from '../support/lab.js';
import type { LabNode } from '../support/lab-node.js';
import { type Paired, pairUp } from '../support/pairing.js';

/** The last column of `wg show all private-key` and `preshared-keys`. */
const wireguardSecrets = async (node: LabNode): Promise<string[]> => {
  const shown = await Promise.all([
    node.must(['wg', 'show', 'all', 'private-key']),
    node.must(['wg', 'show', 'all', 'preshared-keys']),
  ]);
  return shown
    .flatMap((text) => text.split('\n'))
    .map((line) => line.split('\t').at(-1) ?? '')
    .filter((secret) => secret.length === 44);
};

describe('secrets', () => {
  let lab: Lab;
  let paired: Paired;
  let argvs: string[];
  let secrets: string[];

  before(async () => {
    lab = await createLab();
    const watch = watchArgv();
    try {
      paired = await pairUp(lab, { forwards: ['80/tcp', '5300/udp'] });
    } finally {
      argvs = watch.stop();
    }
    const [relay, backend] = await Promise.all([wireguardSecrets(lab.relay), wireguardSecrets(lab.backend)]);
    expect(relay.length, 'private and preshared key at the relay').to.be.at.least(2);
    expect(backend.length, 'private and preshared key at the backend').to.be.at.least(2);
    secrets = [paired.token, ...relay, ...backend];
  });
  after(() => lab?.close());

  it('are in no argument list', () => {
    expect(argvs.length).to.be.above(0);
    for (const secret of secrets) {
      expect(argvs.filter((argv) => argv.includes(secret)).map((argv) => argv.split('\0').slice(0, 6))).to.deep.equal(
        [],
      );
    }
  });

  it('are in no log', () => {
    const { controller, agent, pairing } = paired;
    const logs = [controller.stdout(), controller.stderr(), agent.stdout(), agent.stderr(), pairing.process.stderr()];
    for (const secret of secrets) expect(logs.filter((log) => log.includes(secret))).to.deep.equal([]);
  });

  it('lie in directories and files that only root can read', async () => {
    for (const node of [lab.relay, lab.backend]) {
      expect(statSync(node.file(stateDirectory)).mode & 0o777).to.equal(0o700);
      const readable = await node.must(['find', stateDirectory, '-type', 'f', '-perm', '/077']);
      expect(readable).to.equal('');
    }
  });
});
