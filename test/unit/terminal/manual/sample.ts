/** A small program with everything that help, man page and completion have to deal with. */

import { collect } from '@homeward/shared/terminal/collect';
import { DocumentedCommand } from '@homeward/shared/terminal/manual/documented-command';
import { EXIT_CODES, environmentTopic } from '@homeward/shared/terminal/manual/shared-topics';
import type { Topic } from '@homeward/shared/terminal/manual/topic';
import { Argument, Option } from 'commander';

export const SPECS: Topic = {
  name: 'specs',
  title: 'Specs',
  parts: [
    'A spec is PORT/PROTO.',
    { items: [{ term: '443/tcp', says: 'one port' }] },
    { lines: ['.dots and \\ back-slashes stay', "'quotes' too"] },
  ],
};

/** What names of the running daemon stand for `<backend>` and `<forward>`. */
export function sampleProgram(): DocumentedCommand {
  const program = new DocumentedCommand('sample')
    .summary('do things')
    .description('Does things.\nMany of them.')
    .helpOption('-h, --help', 'this help')
    .version('1.2.3', '-V, --version', 'the version')
    .option('--json', 'one document')
    .addOption(new Option('--state-dir <dir>', 'where state is').env('SAMPLE_STATE').default('/var/lib/sample'))
    .example('sample pair home', 'begin here')
    .topic(SPECS);
  program.topic(environmentTopic(program, [{ term: 'SAMPLE_TOKEN', says: 'the token' }])).topic(EXIT_CODES);
  program.commandsGroup('Begin:');
  program
    .command('pair')
    .summary('pair a backend')
    .description('Pairs a backend; nothing else changes.')
    .argument('<backend>', 'its name')
    .option('--forward <spec>', "a forward such as 443/tcp; it's repeatable", collect)
    .addOption(new Option('--tunnel <kind>', 'the tunnel').choices(['wireguard', 'gre']).default('wireguard'))
    .option('--config <file>', 'settings')
    .option('--no-wait', 'do not wait')
    .example('sample pair home --forward 443/tcp', 'a web server');
  program.commandsGroup('Then:');
  const forward = program.command('forward').summary('change forwards').description('Changes forwards.');
  forward
    .command('add')
    .summary('add forwards')
    .description('Adds forwards.')
    .argument('<backend>', 'its name')
    .argument('<spec...>', 'what to forward')
    .example('sample forward add home 443/tcp', 'one more');
  forward
    .command('remove')
    .summary('remove forwards')
    .description('Removes forwards.')
    .argument('<backend>', 'its name')
    .argument('<forward...>', 'what to remove')
    .example('sample forward remove home 443/tcp', 'one less');
  program
    .command('completion')
    .summary('print a completion script')
    .description('Prints a completion script.')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh']));
  program.command('__complete', { hidden: true }).argument('<kind>').argument('[typed...]');
  return program;
}
