/** What a relay chooses at its first start: a pool around what is in use, a free tunnel port. */

import {
  choosePool,
  chooseTunnelPort,
  firstState,
  prefixesInUse,
  refuseUsedPool,
} from '@homeward/controller/daemon/first-state';
import { stateSchema } from '@homeward/controller/store/state';
import { parseListeners } from '@homeward/shared/kernel/sockets';
import { POOL_SPACE } from '@homeward/shared/net/allocation';
import { parseForward } from '@homeward/shared/net/forward-spec';
import {
  formatPrefix,
  parseIpv4Prefix,
  parsePrefix,
  prefixContains,
  prefixesOverlap,
} from '@homeward/shared/net/prefix';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { z } from 'zod';
import { thrownBy } from '../errors/thrown.js';
import { recordedSnapshot, snapshotOf } from '../kernel/snapshots.js';

const SETTINGS = {
  listen: { host: '::', port: 7700 },
  endpoints: [],
  wireguardPort: null,
  pool: null,
  repair: true,
} as const;
const udp = (port: number, program: string) =>
  parseListeners(`udp UNCONN 0 0 *:${port} *:* users:(("${program}",pid=1,fd=1))`);
const parts = 1024;

describe('daemon/first-state', () => {
  it('chooses any free part of the space, never one in use', () => {
    const inside = fc
      .tuple(fc.integer({ min: 0, max: 63 }), fc.integer({ min: 0, max: 255 }), fc.integer({ min: 15, max: 32 }))
      .map(([a, b, length]) => parseIpv4Prefix(`10.${64 + a}.${b}.0/${length}`));
    fc.assert(
      fc.property(fc.array(inside, { maxLength: 20 }), fc.nat(parts - 1), (inUse, start) => {
        const pool = choosePool(inUse, () => start);
        expect(pool.length).to.equal(20);
        expect(prefixContains(POOL_SPACE, pool.address)).to.equal(true);
        for (const prefix of inUse) expect(prefixesOverlap(prefix, pool)).to.equal(false);
      }),
    );
  });

  it('can choose every part', () => {
    const asked: number[] = [];
    const chosen = new Set(
      Array.from({ length: parts }, (_, index) =>
        formatPrefix(
          choosePool([], (count) => {
            asked.push(count);
            return index;
          }),
        ),
      ),
    );
    expect(new Set(asked)).to.deep.equal(new Set([parts]));
    expect(chosen.size).to.equal(parts);
  });

  it('goes on from the beginning when the end is in use', () => {
    expect(formatPrefix(choosePool([parseIpv4Prefix('10.127.240.0/24')], () => parts - 1))).to.equal('10.64.0.0/20');
  });

  it('says how to help itself when everything is in use', () => {
    const error = thrownBy(() => choosePool([parseIpv4Prefix('10.0.0.0/8')], () => 0));
    expect(error).to.include({
      code: 'conflict',
      hint: 'give a free prefix with --pool, for example --pool 172.30.0.0/20',
    });
  });

  it('finds the prefixes in use of a recorded machine', () => {
    const inUse = prefixesInUse(recordedSnapshot()).map(formatPrefix);
    expect(inUse).to.include.members([
      '172.17.0.0/16',
      '192.168.1.0/24',
      '203.0.113.0/24',
      '10.9.0.0/16',
      '198.18.0.0/24',
    ]);
    expect(inUse).to.not.include('0.0.0.0/0');
  });

  it("takes the two halves of a VPN's default route for no network in use", () => {
    const routes = ['default eth0', '0.0.0.0/1 tun0', '128.0.0.0/1 tun0', '10.8.0.0/24 tun0'];
    const inUse = prefixesInUse(snapshotOf({ tun0: ['10.8.0.2/24'], eth0: ['198.51.100.1/24'] }, routes));
    expect(choosePool(inUse, () => 0)).to.deep.equal(parseIpv4Prefix('10.64.0.0/20'));
  });

  it('takes the usual tunnel port, or the next free one', () => {
    expect(chooseTunnelPort(null, [], [])).to.equal(51_820);
    expect(chooseTunnelPort(null, [...udp(51_820, 'wg'), ...udp(51_821, 'x'), ...udp(51_823, 'y')], [])).to.equal(
      51_822,
    );
    const tcp = parseListeners('tcp LISTEN 0 1 *:51820 *:* users:(("x",pid=1,fd=1))');
    expect(chooseTunnelPort(null, tcp, [])).to.equal(51_820);
  });

  it('goes around ports that are forwarded over UDP', () => {
    const forwards = ['51820-51822/udp', '51823/tcp'].map(parseForward);
    expect(chooseTunnelPort(null, [], forwards)).to.equal(51_823);
  });

  it('refuses a pool asked for that the machine uses, our own device aside', () => {
    const pool = parseIpv4Prefix('10.77.16.0/20');
    const refused = () => refuseUsedPool(pool, snapshotOf({ br0: ['10.77.20.1/24'] }, ['default br0']));
    expect(thrownBy(refused)).to.include({
      code: 'conflict',
      message: '--pool 10.77.16.0/20 overlaps 10.77.20.0/24, which this machine uses',
    });
    refuseUsedPool(pool, snapshotOf({ hw0: ['10.77.16.1/20'] }, ['10.77.16.0/20 hw0']));
  });

  it('takes the port asked for, or names who has it', () => {
    expect(chooseTunnelPort(443, [], [])).to.equal(443);
    expect(thrownBy(() => chooseTunnelPort(443, udp(443, 'caddy'), []))).to.include({
      code: 'conflict',
      message: 'port 443/udp for WireGuard is taken by caddy',
    });
  });

  it('makes a state that can be stored, with keys of its own each time', () => {
    const make = () => firstState(SETTINGS, recordedSnapshot(), []);
    const [one, two] = [make(), make()];
    expect(z.decode(stateSchema, z.encode(stateSchema, one))).to.deep.equal(one);
    const secrets = [one, two].flatMap(({ identity, wireguard }) => [identity.secretKey, wireguard.privateKey]);
    expect(new Set(secrets).size).to.equal(4);
  });

  it('chooses a unique local /64 for IPv6, another one each time', () => {
    const pools = Array.from({ length: 20 }, () => firstState(SETTINGS, recordedSnapshot(), []).pool6);
    expect(new Set(pools).size).to.equal(20);
    for (const pool of pools) {
      const prefix = parsePrefix(pool);
      expect(formatPrefix(prefix)).to.equal(pool);
      expect(prefix.length).to.equal(64);
      expect(prefixContains(parsePrefix('fd00::/8'), prefix.address), pool).to.equal(true);
    }
  });

  it('leaves to Kubernetes what its services have by default', () => {
    for (let time = 0; time < 20; time += 1) {
      const { pool } = firstState(SETTINGS, recordedSnapshot(), []);
      expect(prefixesOverlap(parseIpv4Prefix(pool), parseIpv4Prefix('10.96.0.0/12')), pool).to.equal(false);
    }
  });

  it('takes the pool that was asked for', () => {
    const state = firstState({ ...SETTINGS, pool: parseIpv4Prefix('172.30.0.0/20') }, recordedSnapshot(), []);
    expect(state.pool).to.equal('172.30.0.0/20');
  });
});
