/** Help as a terminal shows it, from the command tree alone. */

import { commandDoc } from '@homeward/shared/terminal/manual/command-doc';
import { commandHelp, programHelp, topicHelp } from '@homeward/shared/terminal/manual/help-text';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { SPECS, sampleProgram } from './sample.js';

const plain = (text: string) => text;

function helpOf(...path: string[]): string {
  const program = commandDoc(sampleProgram());
  const command = path.reduce(
    (parent, name) => parent.commands.find((child) => child.path.at(-1) === name) ?? parent,
    program,
  );
  return commandHelp(command, program, 80, plain);
}

describe('terminal/manual/help-text', () => {
  it('begins with the first steps, then the commands by purpose', () => {
    const sample = sampleProgram();
    const help = programHelp(commandDoc(sample), sample.topics, 80, plain);
    const order = [
      'Usage: sample [options] <command>',
      'First steps:',
      'sample pair home  begin here',
      'Begin:',
      'pair <backend>',
      'Then:',
      'forward',
      'Options of every command:',
      'More:',
    ];
    const places = order.map((text) => help.indexOf(text));
    expect(places).to.deep.equal([...places].sort((a, b) => a - b));
    expect(places).to.not.include(-1);
    expect(help).to.include('specs, environment, exit-codes');
    expect(help).to.not.include('__complete');
  });

  it('tells defaults, choices, variables and what is repeatable', () => {
    const help = helpOf('pair');
    expect(help).to.include('--forward <spec>  ');
    expect(help.replaceAll(/\s+/g, ' '))
      .to.include("a forward such as 443/tcp; it's repeatable (repeatable)")
      .and.include('the tunnel (one of wireguard, gre; default: wireguard)')
      .and.include('--no-wait do not wait');
    const program = commandDoc(sampleProgram());
    expect(programHelp(program, [], 80, plain).replaceAll(/\s+/g, ' ')).to.include(
      'where state is (default: /var/lib/sample; also SAMPLE_STATE)',
    );
  });

  it('shows examples that can be pasted, and the options of every command by name', () => {
    const help = helpOf('pair');
    expect(help).to.include('Examples:\n  # a web server\n  sample pair home --forward 443/tcp\n');
    expect(help).to.include('Options of every command (sample --help): --json, --state-dir\n');
  });

  it('lists the commands of a group with their arguments', () => {
    const help = helpOf('forward');
    expect(help).to.match(/^ {2}add <backend> <spec\.\.\.> +add forwards$/m);
    expect(help).to.not.include('help [');
  });

  it('fits the width', () => {
    for (const width of [60, 80, 100]) {
      const program = commandDoc(sampleProgram());
      const pair = program.commands[0];
      if (pair === undefined) throw new Error('no command');
      for (const line of commandHelp(pair, program, width, plain).split('\n')) expect(line.length).to.be.at.most(width);
    }
  });

  it('shows a topic with paragraphs, items and lines as they are', () => {
    expect(topicHelp(SPECS, 80, plain)).to.equal(
      "Specs\n\nA spec is PORT/PROTO.\n\n  443/tcp  one port\n\n  .dots and \\ back-slashes stay\n  'quotes' too\n",
    );
  });
});
