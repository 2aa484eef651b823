/** Running commands: what a failure tells, and what a child never sees. */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import { command } from '@homeward/shared/host/command';
import { createRunner } from '@homeward/shared/host/runner';
import { Secret } from '@homeward/shared/net/secret';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { rejectionOf } from '../errors/thrown.js';
import { eventually } from '../server/rig.js';
import { temporaryDirectory } from './temporary.js';

const runner = createRunner(process.env['PATH']);
const failing = (script: string) => rejectionOf(runner.run(command('sh', ['-c', script])));

describe('host/runner', () => {
  const path = temporaryDirectory();
  before(() => {
    process.env['HOMEWARD_UNIT_SECRET'] = 'do-not-inherit';
  });
  after(() => {
    delete process.env['HOMEWARD_UNIT_SECRET'];
  });

  it('gives stdout as it is, and hands stdin over', async () => {
    expect(await runner.run(command('cat', [], ' a\nb\n\n'))).to.equal(' a\nb\n\n');
  });

  it('hands stdin over as a file of no name, which is whole at once and can be opened anew', async () => {
    const long = 'x'.repeat(1024 * 1024);
    expect(await runner.run(command('cat', ['/dev/stdin'], long))).to.equal(long);
    const type = await runner.run(command('stat', ['--dereference', '--format=%F %a %s %h', '/dev/stdin'], long));
    expect(type).to.equal(`regular file 600 ${long.length} 0\n`);
  });

  it('hands a secret over, and prints it nowhere', async () => {
    const secret = new Secret('PrivateKey = KEY\n');
    const asking = command('cat', [], secret);
    expect(inspect(asking) + JSON.stringify(asking)).to.not.include('KEY');
    expect(await runner.run(asking)).to.equal(secret.reveal());
  });

  it('lets nft load all of a long script or nothing, also when we die before it has read a byte', async () => {
    const ports = Array.from({ length: 10_000 }, (_, index) => index + 1);
    const elements = Array.from({ length: 20 }, (_, chunk) => ports.slice(chunk * 500, (chunk + 1) * 500));
    const script = [
      'table inet whole {',
      'set ports { type inet_service; }',
      '}',
      ...elements.map((chunk) => `add element inet whole ports { ${chunk.join(', ')} }`),
    ].join('\n');
    // It waits until we are gone; then it loads, and counts what is there.
    const loading = [
      'while [ -d "/proc/$0" ]; do :; done',
      'nft -f -',
      'nft list set inet whole ports | grep -oE "[0-9]+" | wc -l > "$1.part"',
      'mv "$1.part" "$1"',
    ].join('; ');
    const dying = `
      const { createRunner } = await import(${JSON.stringify(import.meta.resolve('@homeward/shared/host/runner'))});
      const { readFileSync } = await import('node:fs');
      const args = ['-c', ${JSON.stringify(loading)}, String(process.pid), ${JSON.stringify(path('loaded'))}];
      void createRunner(process.env.PATH).run({ file: 'sh', args, stdin: ${JSON.stringify(`${script}\n`)} });
      const children = () => readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8').trim();
      while (children() === '') await new Promise((resolve) => setTimeout(resolve, 1));
      process.kill(process.pid, 'SIGKILL');
    `;
    const { signal } = spawnSync('unshare', ['--net', process.execPath, '--input-type=module'], { input: dying });
    expect(signal).to.equal('SIGKILL');
    await eventually('nft has loaded the script', () => existsSync(path('loaded')), 10_000);
    expect((await readFile(path('loaded'), 'utf8')).trim()).to.equal('10000');
  });

  it('passes arguments untouched by any shell', async () => {
    const args = ['$HOME', '`id`', '; reboot', '*', 'a  b', '"', "'", '\\n', ''];
    expect(await runner.run(command('printf', ['%s|', ...args]))).to.equal(`${args.join('|')}|`);
  });

  it('gives a child nothing of our environment', async () => {
    const lines = (await runner.run(command('env', []))).trim().split('\n').sort();
    expect(lines).to.deep.equal(['LC_ALL=C', `PATH=${process.env['PATH']}`]);
  });

  it('has a search path also where we have none', async () => {
    expect(await createRunner(undefined).run(command('env', []))).to.include('PATH=/usr/local/sbin:');
  });

  it('names a missing program and the package that has it', async () => {
    const nowhere = createRunner('/nonexistent');
    const packages = { nft: 'nftables', ip: 'iproute2', ss: 'iproute2', wg: 'wireguard-tools', conntrack: 'conntrack' };
    for (const [file, name] of Object.entries(packages)) {
      expect(await rejectionOf(nowhere.run(command(file, ['-V'])))).to.include({
        code: 'missing-capability',
        message: `the program ${file} is missing`,
        hint: `install it: apt-get install --no-install-recommends ${name}`,
      });
    }
  });

  it('tells argv, exit code and stderr of what failed', async () => {
    const error = await failing('echo first >&2; echo second >&2; exit 3');
    expect(error.code).to.equal('command-failed');
    expect(error.message).to.equal('sh -c echo first >&2; echo second >&2; exit 3 failed: first');
    expect(error.details).to.deep.include({ stderr: 'first\nsecond', exitCode: 3 });
  });

  it('tells the exit code of what failed without a word', async () => {
    expect((await failing('exit 7')).message).to.equal('sh -c exit 7 failed: exit code 7');
  });

  it('knows a lack of permission', async () => {
    const error = await failing('echo "RTNETLINK answers: Operation not permitted" >&2; exit 2');
    expect(error).to.include({ code: 'permission', hint: 'run it as root' });
  });

  it('never repeats stdin in an error', async () => {
    const error = await rejectionOf(runner.run(command('false', [], 'PRIVATE KEY')));
    expect(JSON.stringify([error.message, error.hint, error.details])).to.not.include('PRIVATE');
  });

  it('ends a command when its signal aborts', async () => {
    const aborter = new AbortController();
    const waiting = runner.run(command('tail', ['-f', '/dev/null']), aborter.signal);
    aborter.abort();
    expect((await rejectionOf(waiting)).code).to.equal('interrupted');
    const late = runner.run(command('tail', ['-f', '/dev/null']), AbortSignal.abort());
    expect((await rejectionOf(late)).code).to.equal('interrupted');
  });

  it('hands no variable of ours on, but for those of the command', async () => {
    process.env['NOTIFY_SOCKET'] = '/run/systemd/notify';
    try {
      expect(await runner.run(command('env', []))).to.not.include('NOTIFY_SOCKET');
      expect(await runner.run({ ...command('env', []), env: { NOTIFY_SOCKET: '@x' } })).to.include(
        'NOTIFY_SOCKET=@x\n',
      );
    } finally {
      delete process.env['NOTIFY_SOCKET'];
    }
  });

  it('takes an exit code that is an answer for none of a failure, with what was printed', async () => {
    const sh = (script: string, answers: readonly number[]) => ({ ...command('sh', ['-c', script]), answers });
    expect(await runner.run(sh('echo found; exit 1', [1]))).to.equal('found\n');
    expect(await runner.run(sh('echo found', [1]))).to.equal('found\n');
    expect((await rejectionOf(runner.run(sh('exit 2', [1])))).message).to.equal('sh -c exit 2 failed: exit code 2');
    expect((await rejectionOf(runner.run(sh('kill -TERM $$', [1, 143])))).code).to.equal('command-failed');
    const missing = { ...command('no-such-program', []), answers: [1, 2, 127] };
    expect((await rejectionOf(runner.run(missing))).code).to.equal('missing-capability');
  });

  it('knows the processes it started, and lately no others', async () => {
    const own = createRunner(process.env['PATH']);
    const pid = async () => Number(await own.run(command('sh', ['-c', 'echo $$'])));
    const first = await pid();
    expect(own.hasStarted(first)).to.equal(true);
    expect(own.hasStarted(process.pid)).to.equal(false);
    expect(own.hasStarted(first + 1_000_000)).to.equal(false);
    expect(createRunner(process.env['PATH']).hasStarted(first)).to.equal(false);
    await rejectionOf(own.run(command('false', [])));
    expect(own.hasStarted(first)).to.equal(true);
  });
});
