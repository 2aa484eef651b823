/** Completion in a real bash: the script is loaded and asked as bash does when TAB is pressed. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { bashCompletion } from '@homeward/shared/terminal/completion/bash';
import { completionTree } from '@homeward/shared/terminal/completion/completion-tree';
import { commandDoc } from '@homeward/shared/terminal/manual/command-doc';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { sampleProgram } from '../manual/sample.js';

const SCRIPT = bashCompletion(
  completionTree(commandDoc(sampleProgram()), {
    named: new Set(['backend', 'forward']),
    words: new Map([['topic', ['pair', 'specs']]]),
  }),
);

/** A running daemon's answers; a shell function stands for the program itself. */
const DAEMON = `sample() {
  [[ $1 == __complete ]] || return 1
  echo noise >&2
  case $2 in
    backend) printf '%s\\n' home nas ;;
    forward) [[ $3 == home ]] && printf '%s\\n' 443/tcp 198.51.100.1:80/tcp 8080=80/tcp ;;
  esac
}
`;

/** What bash offers for the line with the cursor at its end, each as the whole word that would stand there. */
async function offered(line: string, daemon = DAEMON): Promise<string[]> {
  // COMP_WORDS as bash breaks a line: at blanks, = and :, which are words of their own.
  const words = line.split(/\s+|(?=[=:])|(?<=[=:])/);
  const ask = `
COMP_LINE=$1 COMP_POINT=\${#1}; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_sample
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await promisify(execFile)('bash', [
    ...['--norc', '--noprofile', '-c', `${daemon}${SCRIPT}${ask}`, 'bash', line],
    ...words,
  ]);
  return stdout.split('\n').filter((word) => word !== '');
}

describe('terminal/completion/bash', () => {
  it('completes commands and what is below them', async () => {
    expect(await offered('sample ')).to.deep.equal(['pair', 'forward', 'completion']);
    expect(await offered('sample fo')).to.deep.equal(['forward']);
    expect(await offered('sample forward ')).to.deep.equal(['add', 'remove']);
    expect(await offered('sample --json --state-dir /x forward r')).to.deep.equal(['remove']);
  });

  it('completes options of the command and of the program', async () => {
    expect(await offered('sample pair --')).to.include.members([
      '--forward',
      '--tunnel',
      '--no-wait',
      '--json',
      '--help',
    ]);
    expect(await offered('sample pair --t')).to.deep.equal(['--tunnel']);
    expect(await offered('sample forward add --')).to.not.include('--tunnel');
  });

  it('completes values of a closed set, however they are given', async () => {
    expect(await offered('sample pair --tunnel ')).to.deep.equal(['wireguard', 'gre']);
    expect(await offered('sample pair --tunnel g')).to.deep.equal(['gre']);
    expect(await offered('sample pair --tunnel=g')).to.deep.equal(['gre']);
    expect(await offered('sample completion z')).to.deep.equal(['zsh']);
  });

  it('completes files and directories after options that take them', async () => {
    expect(await offered('sample pair --config /etc/hostn')).to.deep.equal(['/etc/hostname']);
    expect(await offered('sample --state-dir /usr/sha')).to.deep.equal(['/usr/share']);
    expect(await offered('sample --state-dir /etc/hostn')).to.deep.equal([]);
  });

  it('completes names that the daemon knows, by what was typed before', async () => {
    expect(await offered('sample pair ')).to.deep.equal(['home', 'nas']);
    expect(await offered('sample forward add --json h')).to.deep.equal(['home']);
    expect(await offered('sample forward remove home 4')).to.deep.equal(['443/tcp']);
    expect(await offered('sample forward remove nas ')).to.deep.equal([]);
  });

  it('gives only the rest of a word that bash has broken', async () => {
    expect(await offered('sample forward remove home 198.51.100.1:8')).to.deep.equal(['80/tcp']);
    expect(await offered('sample forward remove home 443/tcp 8080=')).to.deep.equal(['80/tcp']);
  });

  it('offers options where there is nothing else, and nothing where anything may come', async () => {
    expect(await offered('sample pair home ')).to.include('--tunnel');
    expect(await offered('sample forward add home ')).to.deep.equal([]);
    expect(await offered('sample pair --forward ')).to.deep.equal([]);
  });

  it('offers no names without a daemon', async () => {
    expect(await offered('sample pair ', 'sample() { return 3; }\n')).to.deep.equal([]);
  });

  it('takes names as they are, whatever a shell would make of them', async () => {
    const hostile = "sample() { printf '%s\\n' '$(touch /tmp/x)' 'a*b'; }\n";
    expect(await offered('sample pair ', hostile)).to.deep.equal(['$(touch /tmp/x)', 'a*b']);
  });
});
