/** Topics that both programs have: exit codes and environment variables. */

import type { Command } from 'commander';
import { optionDoc } from './command-doc.js';
import type { Topic, TopicItem } from './topic.js';

export const EXIT_CODES: Topic = {
  name: 'exit-codes',
  title: 'Exit status',
  parts: [
    {
      items: [
        { term: '0', says: 'done, and true: what was asked for is so' },
        {
          term: '1',
          says: 'the answer is no, or it was tried and undone: a probe failed, a time limit passed, a token was refused',
        },
        { term: '2', says: 'bad input; nothing was changed' },
        { term: '3', says: 'the daemon does not run' },
        { term: '4', says: 'the machine lacks something, which is named: a permission, WireGuard, nft, systemd' },
        { term: '130', says: 'interrupted; the message says what stays' },
      ],
    },
  ],
};

/** The variables that the program's options name, and `others`. */
export function environmentTopic(program: Command, others: readonly TopicItem[]): Topic {
  const fromOptions = program.options
    .map(optionDoc)
    .flatMap(({ variable, flags, says }) =>
      variable === null ? [] : [{ term: variable, says: `${says}; ${flags.at(-1)} wins` }],
    );
  return {
    name: 'environment',
    title: 'Environment',
    parts: [
      {
        items: [...fromOptions, ...others, { term: 'NO_COLOR', says: 'if set, nothing is coloured' }],
      },
    ],
  };
}
