/** Both programs' command trees: every command explains itself, and the manual page and completion know it. */

import { agentProgram } from '@homeward/agent/program';
import { controllerProgram } from '@homeward/controller/program';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { bashCompletion } from '@homeward/shared/terminal/completion/bash';
import { completionTree } from '@homeward/shared/terminal/completion/completion-tree';
import { allCommands, commandDoc } from '@homeward/shared/terminal/manual/command-doc';
import type { DocumentedCommand } from '@homeward/shared/terminal/manual/documented-command';
import { manPage } from '@homeward/shared/terminal/manual/man-page';
import { escaped } from '@homeward/shared/terminal/manual/roff';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const signal = new AbortController().signal;
const PROGRAMS: Record<string, DocumentedCommand> = {
  controller: controllerProgram(signal).program,
  agent: agentProgram(signal).program,
};

for (const [name, program] of Object.entries(PROGRAMS)) {
  describe(`commands of ${name}`, () => {
    const doc = commandDoc(program);
    const leaves = allCommands(doc).filter(({ commands }) => commands.length === 0);

    for (const command of allCommands(doc)) {
      it(`${command.path.join(' ')} says what it is, what happens and what each word means`, () => {
        expect(command.summary, 'summary').to.match(/^[^A-Z].{5,70}[^.]$/);
        expect(command.description, 'description').to.match(/^.{20,}\.$/s);
        expect(command.description).to.not.equal(command.summary);
        for (const { term, says } of [...command.arguments, ...command.options]) expect(says, term).to.not.equal('');
      });
    }

    for (const command of leaves) {
      it(`${command.path.join(' ')} has one to three examples that begin with it or name it`, () => {
        expect(command.examples.length).to.be.within(1, 3);
        for (const { line, says } of command.examples) {
          expect(line).to.include(command.path.join(' '));
          expect(says).to.not.match(/\.$/);
        }
      });
    }

    it('begins with two to four first steps, which are commands of its own', () => {
      expect(doc.examples.length).to.be.within(2, 4);
      const known = leaves.map(({ path }) => path.join(' '));
      for (const { line } of doc.examples) expect(known.some((command) => line.startsWith(command))).to.equal(true);
    });

    it('groups its commands', () => {
      for (const { group, path } of doc.commands) expect(group, path.join(' ')).to.not.equal('Commands:');
    });

    it('has every command, argument and option in its manual page', () => {
      const page = manPage({ program: doc, topics: program.topics, version: '0', seeAlso: [] });
      const isInPage = (text: string) => expect(page, text).to.include(escaped(text));
      for (const { path, arguments: args, options } of allCommands(doc)) {
        isInPage([...path.slice(1), ...args.map(({ term }) => term)].join(' '));
        for (const { term } of options) isInPage(term);
      }
    });

    it('completes every command and option', () => {
      const script = bashCompletion(completionTree(doc, { named: new Set(), words: new Map() }));
      for (const { path, options } of allCommands(doc)) {
        const row = script.split('\n').find((line) => line.startsWith(`    '${path.slice(1).join(' ')}')`));
        for (const flag of options.flatMap(({ flags }) => flags)) expect(row?.split(/[ ']/), flag).to.include(flag);
      }
    });
  });
}

describe('help on forwards', () => {
  const topic = PROGRAMS['controller']?.topics.find(({ name }) => name === 'forwards');
  const specs = (topic?.parts ?? []).flatMap((part) =>
    typeof part === 'object' && 'items' in part ? part.items.map(({ term }) => term) : [],
  );

  it('has an example of every form', () => {
    expect(specs).to.include.members(['443/tcp', '53/tcp+udp', '5000-6000/tcp', '2222=22/tcp']);
    expect(specs).to.include.members(['8000-8099=9000-9099/tcp', '80=192.168.1.99:8080/tcp', '198.51.100.1:443/tcp']);
    expect(specs).to.include.members(['80=[fd00::9]:8080/tcp', '80=192.168.1.99/tcp']);
  });

  it('shows specs that are accepted', () => {
    for (const spec of specs) expect(() => parseForward(spec), spec).to.not.throw();
  });
});
