/** The hidden command that completion scripts ask: quick, silent, and only plain words. */

import { addCompletionCommands, type NameSource } from '@homeward/shared/terminal/completion/completion-commands';
import { DocumentedCommand } from '@homeward/shared/terminal/manual/documented-command';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';

describe('terminal/completion/completion-commands', () => {
  const write = process.stdout.write;
  afterEach(() => {
    process.stdout.write = write;
  });

  async function names(source: NameSource, ...args: string[]): Promise<string[]> {
    const program = new DocumentedCommand('sample');
    addCompletionCommands(program, () => ({ backend: source }));
    let text = '';
    process.stdout.write = ((part: string) => {
      text += part;
      return true;
    }) as typeof process.stdout.write;
    try {
      await program.parseAsync(['node', 'sample', '__complete', ...args]);
    } finally {
      process.stdout.write = write;
    }
    return text.split('\n').filter((word) => word !== '');
  }

  it('prints the names, given what was typed', async () => {
    const source: NameSource = async (typed) => ['home', ...typed];
    expect(await names(source, 'backend', 'a', 'b')).to.deep.equal(['home', 'a', 'b']);
  });

  it('prints nothing for a kind it does not know, and on errors', async () => {
    expect(await names(async () => ['home'], 'toString')).to.deep.equal([]);
    expect(await names(() => Promise.reject(new Error('no daemon')), 'backend')).to.deep.equal([]);
  });

  it('withholds words that a shell would not take as they are', async () => {
    const source: NameSource = async () => [
      'home',
      '$(reboot)',
      'a b',
      'x;y',
      "it's",
      '8080=80/tcp',
      '[fd00::9]:8080',
      '',
    ];
    expect(await names(source, 'backend')).to.deep.equal(['home', '8080=80/tcp', '[fd00::9]:8080']);
  });
});
