/** The command line as programs run it: what is refused, and with which exit code. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { collect } from '@homeward/shared/terminal/collect';
import { DocumentedCommand } from '@homeward/shared/terminal/manual/documented-command';
import { createTerminal } from '@homeward/shared/terminal/program';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';

interface Seen {
  backend?: string;
  forward?: string[];
}

function program(seen: Seen): DocumentedCommand {
  const root = new DocumentedCommand('controller').option('--json').option('--debug').version('1.2.3');
  root
    .command('pair')
    .argument('<backend>')
    .option('--forward <spec>', 'a forward', collect, [])
    .action((backend: string, options: { forward: string[] }) => {
      seen.backend = backend;
      seen.forward = options.forward;
    });
  root.command('status').action(() => {
    throw new RelayError('no-daemon', 'the controller daemon is not running', { hint: 'start it: controller serve' });
  });
  root.command('crash').action(() => {
    throw new TypeError('x is undefined');
  });
  return root;
}

describe('terminal/program', () => {
  let output: { stdout: string; stderr: string };
  const originals = { stdout: process.stdout.write, stderr: process.stderr.write };

  beforeEach(() => {
    output = { stdout: '', stderr: '' };
  });
  const listeners = process.stdout.listeners('error');
  const restore = () => {
    const added = process.stdout.listeners('error').filter((listener) => !listeners.includes(listener));
    for (const listener of added) process.stdout.off('error', listener as () => void);
    process.stdout.write = originals.stdout;
    process.stderr.write = originals.stderr;
  };
  afterEach(restore);

  /** Runs with both outputs caught. */
  async function run(...args: string[]): Promise<{ code: number; seen: Seen }> {
    const seen: Seen = {};
    for (const name of ['stdout', 'stderr'] as const) {
      process[name].write = ((text: string) => {
        output[name] += text;
        return true;
      }) as typeof process.stdout.write;
    }
    try {
      return { code: await createTerminal(program(seen)).run(['node', 'controller', ...args]), seen };
    } finally {
      restore();
    }
  }

  it('runs a command with repeated options', async () => {
    const { code, seen } = await run('pair', 'home', '--forward', '443/tcp', '--forward', '53/udp');
    expect(code).to.equal(0);
    expect(seen).to.deep.equal({ backend: 'home', forward: ['443/tcp', '53/udp'] });
  });

  const BAD: readonly (readonly [readonly string[], RegExp])[] = [
    [['frobnicate'], /^controller: unknown command 'frobnicate'/],
    [['pari', 'home'], /Did you mean pair\?/],
    [['pair', 'home', '--forwards', 'x'], /^controller: unknown option '--forwards'/],
    [['--frob'], /^controller: unknown option '--frob'/],
    [['pair'], /^controller: missing required argument 'backend'/],
    [['pair', 'home', 'nas'], /^controller: too many arguments/],
    [['pair', 'home', '--forward'], /^controller: option '--forward <spec>' argument missing/],
  ];
  for (const [args, message] of BAD) {
    it(`ends with 2 for: ${args.join(' ')}`, async () => {
      const { code, seen } = await run(...args);
      expect(code).to.equal(2);
      expect(output.stderr).to.match(message);
      expect(output.stdout).to.equal('');
      expect(seen).to.deep.equal({});
    });
  }

  it('says how the command is written, or which there are', async () => {
    await run('pair');
    expect(output.stderr).to.match(/\n {2}usage: controller pair \[options\] <backend>; more with --help\n$/);
    await run('frobnicate');
    expect(output.stderr).to.match(/\n {2}commands: pair, status, crash; more with --help\n$/);
  });

  it('says it in the one JSON document, too', async () => {
    await run('--json', 'pair');
    expect(JSON.parse(output.stdout)).to.deep.equal({
      ok: false,
      error: {
        code: 'bad-input',
        message: "missing required argument 'backend'",
        hint: 'usage: controller pair [options] <backend>; more with --help',
      },
    });
  });

  it('shows its help to whom gives no command', async () => {
    expect((await run('--json')).code).to.equal(2);
    expect(output.stderr).to.include('Usage: controller');
    expect(JSON.parse(output.stdout).error.message).to.equal('no command was given');
  });

  it('ends with 0 for help and version', async () => {
    expect((await run('--help')).code).to.equal(0);
    expect(output.stdout).to.include('Usage: controller');
    expect((await run('pair', '--help')).code).to.equal(0);
    expect((await run('--version')).code).to.equal(0);
    expect(output.stdout).to.include('1.2.3');
  });

  it("ends with an error's own code, without a stack", async () => {
    expect((await run('status')).code).to.equal(3);
    expect(output.stderr).to.equal('controller: the controller daemon is not running\n  start it: controller serve\n');
  });

  it('prints an error as the one JSON document with --json', async () => {
    expect((await run('--json', 'status')).code).to.equal(3);
    expect(JSON.parse(output.stdout)).to.deep.include({ ok: false });
    expect(JSON.parse(output.stdout).error).to.include({ code: 'no-daemon', hint: 'start it: controller serve' });
  });

  it('ends with 1 for a bug, whose stack is shown with --debug', async () => {
    expect((await run('crash')).code).to.equal(1);
    expect(output.stderr).to.equal('controller: x is undefined\n');
    await run('--debug', 'crash');
    expect(output.stderr).to.include('RelayError: x is undefined');
  });
});
