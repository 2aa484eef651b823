/** What `npm run package` makes: built here once, and looked into with dpkg's own tools. */

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readPolicy } from '@homeward/agent/policy';
import { loadSettings } from '@homeward/controller/config';
import { installPlan, stepText } from '@homeward/shared/service/plan';
import { VERSION } from '@homeward/shared/terminal/version';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const SIDES = ['controller', 'agent'] as const;
const DAEMONS = { controller: 'serve', agent: 'run' } as const;

const run = promisify(execFile);

/** Builds packages; some seconds. */
async function build(out: string, ...sides: string[]): Promise<void> {
  const args = ['packages/shared/packaging/package.mjs', '--out', out, ...sides.map((side) => `--side=${side}`)];
  await run(process.execPath, args, { cwd: ROOT, env: { ...process.env, SOURCE_DATE_EPOCH: '1700000000' } });
}

describe('packages', () => {
  let out = '';
  /** Where the packages are unpacked, not installed. */
  const tree = (side: string, path = '') => join(out, side, path);
  const deb = (side: string) => join(out, `homeward-${side}_${VERSION}_all.deb`);
  const tarball = (side: string) => join(out, `homeward-${side}-${VERSION}.tar.gz`);

  before(async function () {
    this.timeout(60_000);
    out = await mkdtemp(join(tmpdir(), 'homeward-packages-'));
    await build(out, ...SIDES);
    for (const side of SIDES) await run('dpkg-deb', ['--raw-extract', deb(side), tree(side)]);
  });
  after(() => rm(out, { recursive: true }));

  for (const side of SIDES) {
    it(`${side}: has program, unit, manual, completions, documents, and nothing else`, async () => {
      const { stdout } = await run('dpkg-deb', ['--contents', deb(side)]);
      const lines = stdout.trim().split('\n');
      expect(lines.filter((line) => !/^\S+ root\/root /.test(line))).to.deep.equal([]);
      const files = lines
        .filter((line) => !line.startsWith('d'))
        .map((line) => line.replace(/^(\S+) .* \.(\/.*)$/, '$1 $2'));
      const doc = `/usr/share/doc/homeward-${side}`;
      expect(files).to.have.members([
        `-rwxr-xr-x /usr/lib/homeward/${side}.mjs`,
        `lrwxrwxrwx /usr/bin/${side} -> ../lib/homeward/${side}.mjs`,
        `-rw-r--r-- /usr/lib/systemd/system/homeward-${side}.service`,
        `-rw-r--r-- /usr/share/man/man8/${side}.8.gz`,
        `-rw-r--r-- /usr/share/bash-completion/completions/${side}`,
        `-rw-r--r-- /usr/share/zsh/vendor-completions/_${side}`,
        `-rw-r--r-- /usr/share/fish/vendor_completions.d/${side}.fish`,
        `-rw-r--r-- ${doc}/changelog.gz`,
        `-rw-r--r-- ${doc}/copyright`,
        ...(side === 'controller'
          ? ['-rw-r--r-- /etc/homeward/controller.json', `-rw-r--r-- ${doc}/examples/controller.json`]
          : [`-rw-r--r-- ${doc}/examples/agent-policy.json`]),
      ]);
    });

    it(`${side}: says what it needs`, async () => {
      const { stdout } = await run('dpkg-deb', ['--field', deb(side)]);
      expect(stdout).to.match(new RegExp(`^Package: homeward-${side}$`, 'm'));
      expect(stdout).to.match(new RegExp(`^Version: ${VERSION}$`, 'm'));
      expect(stdout).to.match(/^Architecture: all$/m);
      expect(stdout).to.match(/^Depends: nodejs \(>= 20\.19\), nftables, iproute2, wireguard-tools, conntrack$/m);
    });

    it(`${side}: runs from where it lies, by its name alone, without anything of the checkout`, async () => {
      const { stdout } = await run(process.execPath, [tree(side, `usr/bin/${side}`), '--version'], { cwd: '/' });
      expect(stdout).to.equal(`${VERSION}\n`);
      const program = await readFile(tree(side, `usr/lib/homeward/${side}.mjs`), 'utf8');
      expect(program).to.match(/^#!\/usr\/bin\/node\n/);
      // So that an error does not print a megabyte of source.
      expect(Math.max(...program.split('\n').map((line) => line.length))).to.be.below(20_000);
      const help = await run(process.execPath, [tree(side, `usr/bin/${side}`), 'help', DAEMONS[side]], { cwd: '/' });
      expect(help.stdout).to.include(`${side} ${DAEMONS[side]}`);
    });

    it(`${side}: brings the unit that install would write`, async () => {
      const unit = {
        side,
        argv: ['/usr/bin/node', `/usr/lib/homeward/${side}.mjs`, DAEMONS[side]],
        stateDir: `/var/lib/homeward/${side}`,
        runDir: '/run/homeward',
      };
      const packaged = await readFile(tree(side, `usr/lib/systemd/system/homeward-${side}.service`), 'utf8');
      const steps = installPlan(unit, packaged).map(stepText);
      expect(steps).to.include(`delete /etc/systemd/system/homeward-${side}.service`);
    });

    it(`${side}: has scripts that a shell reads, and the licences of all that is bundled`, async () => {
      for (const script of ['postinst', 'prerm', 'postrm']) await run('sh', ['-n', tree(side, `DEBIAN/${script}`)]);
      const copyright = await readFile(tree(side, `usr/share/doc/homeward-${side}/copyright`), 'utf8');
      for (const name of ['commander', 'execa', 'pino', 'tweetnacl', 'ws', 'zod']) {
        expect(copyright).to.match(new RegExp(`^Files: ${name} [\\d.]+, bundled$`, 'm'));
      }
    });

    it(`${side}: lies in the tarball as it does in the package`, async () => {
      const { stdout } = await run('tar', ['--list', '--file', tarball(side)]);
      const root = `homeward-${side}-${VERSION}/`;
      const inTarball = stdout
        .trim()
        .split('\n')
        .filter((path) => !path.endsWith('/'));
      const { stdout: listed } = await run('find', [tree(side), '!', '-type', 'd', '-printf', '%P\n']);
      const inPackage = listed
        .trim()
        .split('\n')
        .filter((path) => !path.startsWith('DEBIAN/'));
      expect(inTarball).to.have.members([...inPackage, 'INSTALL', 'LICENSE'].map((path) => `${root}${path}`));
    });
  }

  it('brings settings that the daemons accept, and examples that they accept', async () => {
    expect((await run('dpkg-deb', ['--info', deb('controller'), 'conffiles'])).stdout).to.equal(
      '/etc/homeward/controller.json\n',
    );
    const flags = { repair: true };
    const missing = tree('controller', 'etc/homeward/none.json');
    const settings = await loadSettings(flags, tree('controller', 'etc/homeward/controller.json'));
    expect(settings).to.deep.equal(await loadSettings(flags, missing));
    const examples = (side: string) => tree(side, `usr/share/doc/homeward-${side}/examples`);
    expect((await loadSettings(flags, `${examples('controller')}/controller.json`)).endpoints).to.have.lengthOf(1);
    expect((await readPolicy(`${examples('agent')}/agent-policy.json`)).lan).to.have.lengthOf(1);
  });

  it('is the same, byte for byte, when it is built again', async function () {
    this.timeout(60_000);
    const again = join(out, 'again');
    await build(again, 'agent');
    for (const name of [deb('agent'), tarball('agent')]) {
      const [first, second] = await Promise.all([readFile(name), readFile(name.replace(out, again))]);
      expect(first.equals(second), name).to.equal(true);
    }
  });
});
