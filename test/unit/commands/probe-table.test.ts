/** The proof as people read it. */

import { printProbes } from '@homeward/controller/commands/probe-table';
import { createConsole } from '@homeward/shared/terminal/console';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { sink } from '../terminal/sink.js';

const result = {
  ...{ backend: 'home', forward: '80=192.168.1.99/tcp', proto: 'tcp', port: 80, client: '192.0.2.2:41000', seen: null },
  ...{ arrivedOn: null, leftOn: null, service: 'silent', rttMs: null, ok: false, cause: 'no-way-back', hint: 'a hint' },
};

describe('commands/probe-table', () => {
  it('tells each hint once, and at each machine each command once', () => {
    const stdout = sink();
    const console = createConsole({ stdout, stderr: sink(), json: false, debug: false, program: 'controller' });
    const remedies = [
      { at: '192.168.1.99', commands: ['ip route add x', 'ip rule add a'] },
      { at: '192.168.1.98', commands: ['ip route add x'] },
      { at: '192.168.1.99', commands: ['ip route add x', 'ip rule add b'] },
      null,
      undefined,
    ];
    printProbes(console, { ok: false, results: remedies.map((remedy) => ({ ...result, remedy })) });
    expect(stdout.text().split('\n').slice(6)).to.deep.equal([
      '  home 80=192.168.1.99/tcp: a hint',
      '  to type at 192.168.1.99 (Linux; it holds until its next boot):',
      '    ip route add x',
      '    ip rule add a',
      '    ip rule add b',
      '  to type at 192.168.1.98 (Linux; it holds until its next boot):',
      '    ip route add x',
      'real IP NOT proven',
      '',
    ]);
  });
});
