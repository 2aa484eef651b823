/** docker/compose.yaml: two commands show the client's address in the service's log; what it promises holds. */
import { expect } from 'chai';
import type { Builder } from '../support/docker/builder.js';
import { commandsUnder, sources } from '../support/docker/readme.js';
import type { ProbeReport } from '../support/homeward.js';
import type { Outcome } from '../support/lab-node.js';
import { poll } from '../support/poll.js';

const client = '203.0.113.7';
const told = /I am (203\.0\.113\.7:\d+), asked \S+, and it answered: hello, (\S+)/;
const daemons = ['relay', 'agent'] as const;

export const describeDemonstration = (builder: () => Builder): Mocha.Suite =>
  describe('the demonstration', () => {
    const commands = commandsUnder('See it, with two commands');
    let logs: string;

    /** Types a line of docker/README.md at the root of the sources. */
    const type = (command: readonly string[] = []): Promise<string> =>
      builder().engine.node.must(['env', `--chdir=${sources}`, ...command], { timeoutMs: 300_000 });

    const container = async (service: string): Promise<string> =>
      (await builder().engine.compose(['ps', '--quiet', service])).trim();

    const health = async (service: string): Promise<string> =>
      builder().engine.docker(['inspect', '--format', '{{.State.Health.Status}}', await container(service)]);

    const inside = async (service: string, command: readonly string[]): Promise<Outcome> =>
      builder().engine.node.run(['docker', 'exec', await container(service), ...command]);

    const probe = async (): Promise<ProbeReport> =>
      JSON.parse((await inside('relay', ['controller', 'probe', '--json'])).stdout) as ProbeReport;

    const backendLog = (): Promise<string> => builder().engine.compose(['logs', '--no-color', 'backend']);

    /** A new client asks; the service must have logged the address and port that it had. */
    const ask = async (): Promise<void> => {
      const [, itself, answered] = told.exec(await type(commands[2])) ?? [];
      expect(answered).to.equal(itself);
      expect(await backendLog()).to.contain(`GET / from ${itself}`);
    };

    before(async function () {
      this.timeout(300_000);
      await type(commands[0]);
      await poll('the answer to the client', 60_000, async () => {
        logs = await type(commands[1]);
        return told.test(logs) ? true : undefined;
      });
    });
    after(() => builder().engine.compose(['down', '--volumes']));

    it("shows the client's address in the service's log", () => {
      const [, itself, answered] = told.exec(logs) ?? [];
      expect(itself).to.match(new RegExp(`^${client}:`));
      expect(answered).to.equal(itself);
      expect(logs).to.contain(`GET / from ${itself}`);
      expect(logs).to.match(/real IP proven/);
    });

    it('has four commands more, to ask again, look around and take it away', async () => {
      expect(commands.map((command) => command.slice(4).join(' '))).to.deep.equal([
        'up --build --detach',
        'logs pair client backend',
        'run --rm client',
        'exec relay controller status',
        'exec agent agent status',
        'down --volumes',
      ]);
      await ask();
      expect((await inside('relay', ['controller', 'status'])).stdout).to.match(/80\/tcp {3}active/);
      expect((await inside('agent', ['agent', 'status'])).stdout).to.match(/^web {2}online/m);
    });

    it('proves every forward', async () => {
      const { ok, results } = await probe();
      expect(ok).to.equal(true);
      expect(results.map(({ forward, service }) => ({ forward, service }))).to.deep.equal([
        { forward: '80/tcp', service: 'answered' },
      ]);
    });

    it('is healthy, and unhealthy when the daemon does not answer', async () => {
      for (const service of daemons) {
        await poll(`${service} healthy`, 20_000, async () =>
          (await health(service)) === 'healthy' ? true : undefined,
        );
      }
      const check = await inside('agent', ['agent', 'status', '--run-dir', '/run/none']);
      expect(check.exitCode).to.equal(3);
    });

    it('has the capabilities needed and no others', async () => {
      const capabilities = async (service: string): Promise<string | undefined> =>
        /CapEff:\s+0*([0-9a-f]+)/.exec((await inside(service, ['cat', '/proc/1/status'])).stdout)?.[1];
      // CAP_NET_ADMIN is bit 12, CAP_SYS_ADMIN bit 21 (capability.h).
      expect(await capabilities('relay')).to.equal('201000');
      expect(await capabilities('agent')).to.equal('1000');
      expect(await capabilities('backend')).to.equal('0');
    });

    const proven = (what: string): Promise<true> =>
      poll(`a proof after ${what}`, 60_000, async () => ((await probe()).ok ? true : undefined));

    it('keeps its pairing when a container is restarted, or made anew', async () => {
      for (const service of daemons) {
        await builder().engine.docker(['restart', await container(service)]);
        await proven(`the restart of ${service}`);
      }
      await builder().engine.compose(['up', '--detach', '--no-deps', '--force-recreate', 'agent']);
      await proven('a new container of agent');
      await ask();
    });

    it('ends at once when asked to', async () => {
      const begin = Date.now();
      for (const service of daemons) await builder().engine.docker(['stop', '--time', '30', await container(service)]);
      // Docker would kill it after 30 s: then it had not heard the signal.
      expect(Date.now() - begin).to.be.below(20_000);
      for (const service of daemons) {
        const code = await builder().engine.docker([
          'inspect',
          '--format',
          '{{.State.ExitCode}}',
          await container(service),
        ]);
        expect(code, service).to.equal('0');
      }
    });

    it('leaves nothing behind', async () => {
      await type(commands.at(-1));
      expect(await builder().engine.docker(['ps', '--all', '--quiet'])).to.equal('');
      expect(await builder().engine.docker(['volume', 'ls', '--quiet'])).to.equal('');
      const networks = await builder().engine.docker(['network', 'ls', '--format', '{{.Name}}']);
      expect(networks.split('\n')).to.have.members(['bridge', 'host', 'none']);
    });
  });
