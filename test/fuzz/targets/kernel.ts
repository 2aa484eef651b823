/** What `ip`, `nft`, `wg`, `ss` and `conntrack` print: mostly as they do, sometimes as another version might. */

import { usedPrefixes } from '@homeward/agent/daemon/offer-check';
import { generationReader, linkReader } from '@homeward/shared/host/monitor';
import { parseDockerUser } from '@homeward/shared/kernel/docker-user';
import { parseFirewalldZones } from '@homeward/shared/kernel/firewalld-parse';
import { parseFlows } from '@homeward/shared/kernel/flow-parse';
import { parseFouPorts } from '@homeward/shared/kernel/fou';
import { parseLinks, parseRoutes, parseRules } from '@homeward/shared/kernel/iproute-parse';
import { ruleAt } from '@homeward/shared/kernel/iptables-words';
import { markClaims } from '@homeward/shared/kernel/mark-claims';
import { parseNeighbours } from '@homeward/shared/kernel/neighbours';
import { newestMapping } from '@homeward/shared/kernel/nft-mapping';
import { parseNftSet, parseNftTable, parseNftTables } from '@homeward/shared/kernel/nft-parse';
import { parseRouteAnswers } from '@homeward/shared/kernel/route-get';
import { parseListeners } from '@homeward/shared/kernel/sockets';
import { dropsIn } from '@homeward/shared/kernel/trace-parse';
import { parseUfwRules } from '@homeward/shared/kernel/ufw-parse';
import { findUplink } from '@homeward/shared/kernel/uplink';
import { parseWireguardDump } from '@homeward/shared/kernel/wireguard';
import { peerPid } from '@homeward/shared/local/caller';
import { recorded } from '../../unit/kernel/recorded.js';
import { snapshotOf } from '../../unit/kernel/snapshots.js';
import { mutateJson, mutateText } from '../mutate.js';
import { mustHaveNumbers, type Target, valueOr } from '../target.js';

/** What a program prints that is not understood is that program's failure, told as such. */
const NOT_UNDERSTOOD = ['command-failed'] as const;

const read = (parse: () => unknown): void => {
  const value = valueOr(NOT_UNDERSTOOD, parse);
  if (value !== null) mustHaveNumbers(value);
};

/** Of a long list of objects some at a time: an execution is to take little, and each change to mean much. */
const PART = 8;

function parts(listing: unknown): unknown[] {
  if (typeof listing !== 'object' || listing === null || !('nftables' in listing)) return [listing];
  const { nftables } = listing;
  if (!Array.isArray(nftables)) return [listing];
  const begins = Array.from({ length: Math.ceil(nftables.length / PART) }, (_, index) => index * PART);
  return begins.map((begin) => ({ nftables: nftables.slice(begin, begin + PART) }));
}

const json = (name: string, files: readonly string[], run: (input: string) => void): Target => {
  const seeds = files.flatMap((file) => parts(JSON.parse(recorded(file))));
  return {
    ...{ name, cost: 2 },
    make: (random) => Buffer.from(mutateJson(seeds, random)),
    run: (input) => run(input.toString('utf8')),
  };
};

const lines = (
  name: string,
  files: readonly string[],
  words: readonly string[],
  run: (input: string) => void,
): Target => {
  const seeds = files.flatMap((file) => [recorded(file), ...recorded(file).split('\n').filter(Boolean)]);
  return {
    name,
    make: (random) => Buffer.from(mutateText(seeds, words, random)),
    run: (input) => run(input.toString('utf8')),
  };
};

/** A machine without anything. */
const EMPTY = snapshotOf({}, []);

const links = json('ip-address', ['addresses.json'], (input) => {
  read(() => {
    const found = parseLinks(input);
    findUplink({ ...EMPTY, links: found }, 'ipv4', () => false);
    return found;
  });
});

const routes = json('ip-route', ['routes.json', 'routes6.json'], (input) => {
  for (const family of ['ipv4', 'ipv6'] as const) {
    read(() => {
      const found = parseRoutes(input, family);
      // Of a destination in another form it is said which.
      valueOr(['bad-input'], () => usedPrefixes({ ...EMPTY, routes: found }));
      return found;
    });
  }
});

const rules = json('ip-rule', ['rules.json', 'rules6.json'], (input) => read(() => parseRules(input, 'ipv4')));

const neighbours = json('ip-neighbour', ['neighbours.json'], (input) => read(() => parseNeighbours(input)));

const answers = lines(
  'ip-route-get',
  ['route-answers.txt'],
  ['[', ']', '{', '"dst":', '"dev":', '"prefsrc":', 'null'],
  (input) => {
    read(() => parseRouteAnswers(input));
    read(() => parseFouPorts(input));
  },
);

const tables = json('nft-table', ['relay-table.json', 'backend-table.json', 'ruleset.json'], (input) => {
  read(() => parseNftTables(input));
  read(() => parseNftTable(input));
});

const sets = json('nft-set', ['counted-set.json', 'counted-ranges.json', 'timed-set.json'], (input) => {
  read(() => parseNftSet(input));
  read(() => newestMapping(input, '10.0.0.1'));
});

const wireguard = lines('wg-dump', ['wireguard-dump.txt'], ['\t', '\n', 'off', '(none)', '0', ','], (input) =>
  read(() => parseWireguardDump(input)),
);

const sockets = lines(
  'ss',
  ['sockets.txt'],
  ['tcp ', 'udp ', '*:', '[::]:', '%lo', 'users:(("', '",pid=', '))', '::ffff:'],
  (input) => {
    read(() => parseListeners(input));
    read(() => peerPid(input, '182365'));
  },
);

const flows = lines('conntrack', ['flows.txt'], [' dport=', 'src=', ' ', '\n'], (input) =>
  read(() => parseFlows(input)),
);

const dockerUser = lines('iptables', ['docker-user.txt'], ['-A DOCKER-USER ', ' -j ', '\n'], (input) =>
  read(() => parseDockerUser(input)),
);

const ufwRules = lines('ufw', ['ufw-user.rules'], ['### tuple ### ', ' comment=', 'in_', '!out_', '\n'], (input) =>
  read(() => parseUfwRules(input, 'ipv4')),
);

const firewalldZones = lines(
  'firewalld',
  ['firewalld-zones.txt'],
  ['  interfaces: ', '\trule ', ' (active)', '\n'],
  (input) => read(() => parseFirewalldZones(input)),
);

const monitors = lines(
  'monitors',
  ['nft-monitor.txt', 'ip-monitor.txt'],
  ['# new generation ', ' by process ', ' inet ', '[LINK]', ': '],
  (input) => {
    const nothing = () => undefined;
    const watcher = { tables: ['homeward_relay'], onChange: nothing, onElementsUnsure: nothing };
    const readers = [generationReader(watcher, { hasStarted: () => false }), linkReader(watcher)];
    for (const line of input.split('\n')) for (const reader of readers) reader(line);
  },
);

const traces = lines(
  'nft-trace',
  ['nft-monitor-trace.txt', 'nft-monitor-trace-tproxy.txt'],
  [
    'trace id ',
    ' packet: ',
    ' rule ',
    ' policy drop',
    '(verdict drop)',
    ' # handle ',
    ' tproxy ',
    ' saddr ',
    ' sport ',
  ],
  (input) => mustHaveNumbers(dropsIn(input.split('\n'), new Set([36386, 40001, 36001, 36002]))),
);

const ruleOrder = json('nft-chain', ['tproxy-chain.json'], (input) =>
  read(() => ruleAt(3, input, recorded('tproxy-chain.txt'))),
);

const markUses = lines(
  'nft-marks',
  ['ruleset-marks.txt'],
  ['mark ', 'set ', 'and ', 'xor ', '0x', '{ ', ', ', '-', '"', 'table ip ', 'chain ', ' {'],
  (input) => mustHaveNumbers(markClaims(input, ['homeward_backend'])),
);

export const kernelTargets: readonly Target[] = [
  markUses,
  links,
  routes,
  rules,
  neighbours,
  answers,
  tables,
  sets,
  wireguard,
  sockets,
  flows,
  monitors,
  traces,
  ruleOrder,
  dockerUser,
  ufwRules,
  firewalldZones,
];
