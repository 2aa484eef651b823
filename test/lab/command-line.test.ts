/** The command lines without a daemon: help, manual pages, completion, and installing where no systemd runs. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { agentProgram } from '@homeward/agent/program';
import { controllerProgram } from '@homeward/controller/program';
import { allCommands, commandDoc } from '@homeward/shared/terminal/manual/command-doc';
import { expect } from 'chai';
import { homeward, type Program, stateDirectory } from '../support/homeward.js';
import { createLab, type Lab } from '../support/lab.js';
import { difference, snapshot } from '../support/snapshot.js';
import { expectDone, expectRefused } from '../support/tidy.js';

const signal = new AbortController().signal;
const trees = {
  controller: commandDoc(controllerProgram(signal).program),
  agent: commandDoc(agentProgram(signal).program),
} as const;
const programs = Object.keys(trees) as Program[];

const manFile = (program: Program): string =>
  fileURLToPath(new URL(`../../../packages/${program}/dist/man/${program}.8`, import.meta.url));

describe('command lines without a daemon', () => {
  let lab: Lab;

  before(async () => {
    lab = await createLab();
  });
  after(() => lab?.close());

  for (const program of programs) {
    describe(program, () => {
      const run = (...args: string[]) => homeward(lab.relay, program, args);
      const printed = async (...args: string[]): Promise<string> => {
        const outcome = await run(...args);
        expectDone(outcome);
        expect(outcome.stderr).to.equal('');
        return outcome.stdout;
      };

      it('prints its help and ends with 2 when no command is given', async () => {
        const outcome = await run();
        expect(outcome.exitCode).to.equal(2);
        expect(outcome.stderr).to.equal(await printed('--help'));
      });

      it('has the same help for a command in both ways', async () => {
        const paths = allCommands(trees[program]).map(({ path }) => path.slice(1));
        await Promise.all(
          paths.map(async (path) => expect(await printed('help', ...path)).to.equal(await printed(...path, '--help'))),
        );
      });

      it('explains topics, and names what there is help on', async () => {
        expect(await printed('help', 'exit-codes')).to.match(/^Exit status\n\n {2}0 /);
        expectRefused(await run('help', 'nothing'), 2, /there is help on: .*exit-codes/);
      });

      it('has a manual page that groff reads without a warning, as the program prints it', async () => {
        expect(await printed('man')).to.equal(readFileSync(manFile(program), 'utf8').trimEnd());
        const lint = await lab.relay.run(['groff', '-man', '-ww', '-z', manFile(program)]);
        expect(lint).to.deep.equal({ stdout: '', stderr: '', exitCode: 0 });
        const text = await lab.relay.must(['groff', '-man', '-Tascii', '-P-cbou', manFile(program)]);
        for (const { path, options } of allCommands(trees[program])) {
          expect(text).to.include(path.slice(1).join(' '));
          for (const { term } of options) expect(text).to.include(term);
        }
      });

      const scriptFile = async (shell: string): Promise<string> => {
        const file = `/run/completion.${program}.${shell}`;
        writeFileSync(lab.relay.file(file), `${await printed('completion', shell)}\n`);
        return file;
      };

      it('has completion scripts that their shells take', async () => {
        for (const [shell, check] of Object.entries({ bash: '-n', zsh: '-n', fish: '--no-execute' })) {
          const outcome = await lab.relay.run([shell, check, await scriptFile(shell)]);
          expect(outcome, shell).to.deep.equal({ stdout: '', stderr: '', exitCode: 0 });
        }
      });

      it('completes in fish', async () => {
        const file = await scriptFile('fish');
        const offered = async (line: string): Promise<string[]> => {
          const ask = `source ${file}; complete -C ${JSON.stringify(line)}`;
          const text = await lab.relay.must(['fish', '--no-config', '-c', ask]);
          return text.split('\n').map((one) => one.split('\t')[0] ?? '');
        };
        const commands = trees[program].commands.map(({ path }) => path.at(-1));
        expect(await offered(`${program} `)).to.have.members(commands);
        expect(await offered(`${program} completion z`)).to.deep.equal(['zsh']);
        expect(await offered(`${program} --json status --wa`)).to.deep.equal(['--watch']);
        expect(await offered(`${program} --state-dir /usr/shar`)).to.deep.equal(['/usr/share/']);
      });

      it('offers no names and says nothing', async () => {
        expect(await run('__complete', program === 'agent' ? 'relay' : 'backend')).to.deep.equal({
          stdout: '',
          stderr: '',
          exitCode: 0,
        });
      });

      const verb = program === 'agent' ? 'run' : 'serve';
      const unit = `/etc/systemd/system/homeward-${program}.service`;

      it('prints what installing would do where no systemd runs, and changes nothing', async () => {
        const before = { kernel: await snapshot(lab.relay), units: readdirSync('/etc/systemd/system') };
        const outcome = await run('install');
        expectRefused(outcome, 4, new RegExp(`systemd.*nothing was changed\\n.*${program} ${verb}`));
        expect(outcome.stdout)
          .to.include(`write ${unit}:`)
          .and.match(
            new RegExp(
              `^ +ExecStart=/\\S+ /\\S+/${program}\\.js ${verb} --state-dir ${stateDirectory}/${program}`,
              'm',
            ),
          )
          .and.include(`systemctl enable homeward-${program}.service`);
        expect((await run('uninstall')).exitCode).to.equal(4);
        expect(difference(before.kernel, await snapshot(lab.relay))).to.deep.equal([]);
        expect(readdirSync('/etc/systemd/system')).to.deep.equal(before.units);
        expect(existsSync(lab.relay.file(stateDirectory))).to.equal(false);
      });

      it('prints the same as a document, and ends with 0 when only asked what it would do', async () => {
        const dry = JSON.parse(await printed('install', '--dry-run', '--json'));
        expect(dry.done).to.equal(false);
        expect(dry.steps.map(({ kind }: { kind: string }) => kind)).to.deep.equal([
          ...['directory', 'write', 'run', 'run', 'run'],
        ]);
        const undo = JSON.parse(await printed('uninstall', '--dry-run', '--json'));
        expect(undo.steps).to.deep.include({ kind: 'delete', path: unit });
      });
    });
  }
});
