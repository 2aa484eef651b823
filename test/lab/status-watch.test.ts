/** `status --watch` and completion with daemons running: in place on a terminal, a stream elsewhere, names from the daemon. */
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import { command, homeward, options, start, startDaemon } from '../support/homeward.js';
import { createLab, type Lab } from '../support/lab.js';
import { type Paired, pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import type { Running } from '../support/running.js';

const bin = '/run/homeward-bin';
const esc = String.fromCharCode(27);

interface Line {
  readonly at: string;
  readonly backends?: readonly { readonly name: string; readonly state: string }[];
  readonly error?: { readonly code: string };
  readonly since?: string;
}

const lines = (text: string): Line[] =>
  text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);

describe('status --watch', () => {
  let lab: Lab;
  let paired: Paired;

  before(async () => {
    lab = await createLab();
    paired = await pairUp(lab, { forwards: ['80/tcp', '8080=81/tcp'] });
    mkdirSync(lab.relay.file(bin));
    symlinkSync(command('controller', [])[1] ?? '', lab.relay.file(`${bin}/controller`));
  });
  after(() => lab?.close());

  const line = (watching: Running, what: string, isIt: (line: Line) => boolean): Promise<Line> =>
    poll(what, 15_000, () => lines(watching.stdout()).find(isIt));

  it('streams documents, tells an outage, and goes on until it is told to end', async () => {
    const watching = start(lab.relay, 'controller', ['status', '--watch', '--interval', '1s']);
    const { backends } = await line(watching, 'a document', (one) => one.backends !== undefined);
    expect(backends?.map(({ name }) => name)).to.deep.equal(['home']);
    await paired.controller.kill();
    const outage = await line(watching, 'an outage', (one) => one.error !== undefined);
    expect(outage.error?.code).to.equal('no-daemon');
    await startDaemon(lab.relay, 'controller');
    // The backend dials again within two seconds, and whoever watches sees it come.
    await line(
      watching,
      'the backend online after it',
      (one) => one.backends?.[0]?.state === 'online' && one.at > outage.at,
    );
    expect(await watching.kill('SIGINT')).to.equal(0);
    expect(watching.stderr()).to.equal('');
  });

  it('ends when nobody reads any more', async () => {
    const pipeline = 'set -o pipefail; "$@" | head -n 1';
    const watch = command('controller', ['status', '--watch', '--interval', '1s']);
    const outcome = await lab.relay.run(['bash', '-c', pipeline, 'bash', ...watch], options('controller'));
    expect(outcome.exitCode, outcome.stderr).to.equal(0);
    expect(lines(`${outcome.stdout}\n`)).to.have.length(1);
  });

  it('draws in place on a terminal, as wide as it is, and gives it back', async () => {
    const inside = 'stty cols 60 rows 20; echo $$ > /run/watch.pid; exec controller status --watch --interval 1s';
    const terminal = lab.relay.spawn(['script', '--quiet', '--return', '--command', inside, '/dev/null'], {
      env: { ...options('controller').env, PATH: `${bin}:${process.env['PATH']}`, TERM: 'xterm' },
    });
    const frames = (): string[] => terminal.stdout().split(`${esc}[H`).slice(1);
    await poll('two frames', 15_000, () => (frames().length >= 2 ? true : undefined));
    process.kill(Number(readFileSync(lab.relay.file('/run/watch.pid'), 'utf8')), 'SIGINT');
    expect(await terminal.ended).to.equal(0);
    const text = terminal.stdout();
    expect(text.indexOf(`${esc}[?1049h`)).to.equal(text.indexOf(esc));
    expect(text.trimEnd().endsWith(`${esc}[?7h${esc}[?25h${esc}[?1049l`)).to.equal(true);
    const rows = stripVTControlCharacters(frames()[1] ?? '').split(/\r+\n/);
    expect(rows.find((row) => row.startsWith('home'))).to.match(/^home {2}online/);
    expect(rows.find((row) => row.startsWith('  80/tcp'))).to.match(/B\/s/);
    for (const row of rows) expect(row.length, row).to.be.at.most(60);
    expect(rows.filter((row) => row.endsWith('…'))).to.have.length.above(0);
  });

  it('watches the agent as well', async () => {
    const watching = start(lab.backend, 'agent', ['status', '--watch', '--json', '--interval', '1s']);
    await poll('two documents', 15_000, () => (lines(watching.stdout()).length >= 2 ? true : undefined));
    expect(await watching.kill('SIGTERM')).to.equal(0);
  });

  it('ends like status when there is nothing to watch from the start', async () => {
    expect((await homeward(lab.relay, 'controller', ['status', 'nobody', '--watch'])).exitCode).to.equal(2);
    expect((await homeward(lab.client, 'controller', ['status', '--watch'])).exitCode).to.equal(3);
  });

  it('completion knows what the daemon knows', async () => {
    const offered = async (typed: string): Promise<string[]> => {
      const ask = [
        'source <(controller completion bash)',
        `COMP_LINE=${JSON.stringify(typed)} COMP_POINT=\${#COMP_LINE}`,
        '_controller',
        `printf '%s\\n' "\${COMPREPLY[@]}"`,
      ].join('\n');
      const env = { ...options('controller').env, PATH: `${bin}:${process.env['PATH']}` };
      return (await lab.relay.must(['bash', '--norc', '-c', ask], { env })).split('\n');
    };
    expect(await offered('controller status ')).to.deep.equal(['home']);
    expect(await offered('controller forward remove home ')).to.have.members(['80/tcp', '8080=81/tcp']);
    expect(await offered('controller probe --forward 80/')).to.deep.equal(['80/tcp']);
  });
});
