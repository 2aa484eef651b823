/** Recorded `nft monitor`: whose transaction it was, and whether it touched our tables. */

import { generationReader, linkReader } from '@homeward/shared/host/monitor';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recorded } from '../kernel/recorded.js';

const LINES = recorded('nft-monitor.txt').trimEnd().split('\n');

/** What is told after each line, while the processes of these numbers are ours. */
function told(lines: readonly string[], isOurs: (pid: number) => boolean, tables = ['homeward_relay']): string[] {
  const events: string[] = [];
  const read = generationReader(
    {
      tables,
      onChange: (part) => events.push(part === 'tables' ? 'change' : part),
      onElementsUnsure: () => events.push('elements'),
    },
    { hasStarted: isOurs },
  );
  return lines.flatMap((line) => {
    read(line);
    const since = events.splice(0);
    const generation = /^# new generation (\d+) /.exec(line)?.[1];
    return generation === undefined ? since : [`${generation}: ${since.join(', ')}`.trimEnd()];
  });
}
const generations = LINES.filter((line) => line.startsWith('# new generation'));
const pidOf = (generation: number): number => {
  const line = generations.find((one) => one.startsWith(`# new generation ${generation} `));
  return Number(/by process (\d+)/.exec(line ?? '')?.[1]);
};
const nobody = () => false;

describe('host/monitor', () => {
  it('tells of every foreign transaction, and of elements where it touched our table', () => {
    expect(told(LINES, nobody)).to.deep.equal([
      '2: elements, change', // our table made
      '3: elements, change', // an element added to it
      '4: change', // a table whose name begins as ours
      '5: change',
      '6: change', // an element of it
      '7: change', // a table of our name, of another family
      '8: elements, change', // a rule added to our table
      '9: change', // iptables
      '10: change',
      '11: elements, change', // our element deleted
      '12: elements, change', // two tables in one transaction
      '13: elements, change', // the whole ruleset flushed
    ]);
  });

  it('says nothing of our own transactions', () => {
    expect(told(LINES, () => true)).to.deep.equal(generations.map((_, index) => `${index + 2}:`));
  });

  it('does not hold our own changes against the foreign transaction behind them', () => {
    const isOurs = (pid: number) => pid === pidOf(2) || pid === pidOf(3);
    expect(told(LINES, isOurs).slice(0, 4)).to.deep.equal(['2:', '3:', '4: change', '5: change']);
    const ofOthers = (pid: number) => pid !== pidOf(11);
    expect(told(LINES, ofOthers).filter((line) => !line.endsWith(':'))).to.deep.equal(['11: elements, change']);
  });

  it('minds each of several tables, and none that is not watched', () => {
    expect(told(LINES, nobody, ['homeward_relay_of_somebody', 'other'])).to.include.members([
      '2: change',
      '4: elements, change',
      '7: change',
      '10: elements, change',
      '12: elements, change',
    ]);
    expect(told(LINES, nobody, [])).to.deep.equal(generations.map((_, index) => `${index + 2}: change`));
  });

  it('trusts nothing where the kernel lost events, whoever writes next', () => {
    const lost = ['# ERROR: We lost some netlink events!', ...generations.slice(0, 1)];
    expect(told(lost, () => true)).to.deep.equal(['elements', 'change', '2:']);
    expect(told(lost, nobody)).to.deep.equal(['elements', 'change', '2: change']);
  });

  it('names who wrote', () => {
    const names: (string | null)[] = [];
    const read = generationReader(
      { tables: [], onChange: (_, by) => names.push(by), onElementsUnsure: () => undefined },
      { hasStarted: () => false },
    );
    for (const line of generations.slice(0, 1)) read(line);
    expect(names).to.deep.equal([`nft, process ${pidOf(2)}`]);
  });

  it("tells which part of the machine ip's labels are about, once an event", () => {
    const parts: string[] = [];
    const read = linkReader({ onChange: (part) => parts.push(part) });
    for (const line of recorded('ip-monitor.txt').split('\n')) read(line);
    const [link, way] = ['links', 'routing'];
    expect(parts).to.deep.equal([
      ...[link, link, link, link], // made, set up, given an address
      ...[way, way, way, way, way, way], // its routes, a rule, a route, the rule deleted
      ...[link, link, way, link, link], // deleted, with all that stood on it
    ]);
  });
});
