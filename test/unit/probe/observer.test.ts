/** Sightings read from a real kernel's sets: which flow was delivered, and by which link its reply left. */

import { COMMON_SETS, SETS } from '@homeward/agent/desired/backend-sets';
import { backendTable } from '@homeward/agent/desired/backend-table';
import { probeFlows, sightings, watchPorts } from '@homeward/agent/probe/observer';
import { command } from '@homeward/shared/host/command';
import { renderNft } from '@homeward/shared/kernel/nft-render';
import { FAMILIES } from '@homeward/shared/net/address';
import { BACKEND_TABLE } from '@homeward/shared/net/allocation';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { tunnel } from '../desired/backend-states.js';
import { networkNamespace } from '../kernel/network-namespace.js';

describe('probe/observer', () => {
  const inside = networkNamespace();
  const see = (set: string, element: string) =>
    inside.run(command('nft', ['add', 'element', 'inet', BACKEND_TABLE, set, `{ ${element} }`]));

  beforeEach(async () => {
    const script = renderNft({
      replace: [backendTable([tunnel(1, [])], { ipv4: [], ipv6: [] })],
      remove: [],
      addElements: [],
      deleteElements: [],
    });
    await inside.run(command('nft', ['-f', '-'], script));
  });

  it('sees nothing where nothing was', async () => {
    expect(await sightings(inside)).to.deep.equal([]);
  });

  it('joins the arrival of a flow with its departure', async () => {
    await see(SETS.ipv4.delivered, '192.0.2.2 . 41000 . tcp . "hw1"');
    await see(SETS.ipv4.left, '192.0.2.2 . 41000 . tcp . "hw1"');
    await see(SETS.ipv4.delivered, '192.0.2.2 . 41001 . tcp . "hw1"');
    const flow = { transport: 'tcp', delivery: 'local', address: '192.0.2.2', arrivedOn: 'hw1' };
    expect(await sightings(inside)).to.have.deep.members([
      { ...flow, port: 41_000, leftOn: 'hw1' },
      { ...flow, port: 41_001, leftOn: null },
    ]);
  });

  it('names the wrong way of several', async () => {
    await see(SETS.ipv4.delivered, '192.0.2.2 . 41000 . udp . "hw1"');
    for (const link of ['hw1', 'eth0']) await see(SETS.ipv4.left, `192.0.2.2 . 41000 . udp . "${link}"`);
    expect((await sightings(inside))[0]).to.include({ leftOn: 'eth0' });
  });

  it('takes port-unreachable for a reply to the flow it is about, and to no other one', async () => {
    for (const flow of ['41000 . udp', '41001 . udp', '41000 . tcp']) {
      await see(SETS.ipv4.delivered, `192.0.2.2 . ${flow} . "hw1"`);
    }
    await see(SETS.ipv4.leftIcmp, '192.0.2.2 . 41000 . "hw1"');
    const found = (await sightings(inside)).map(({ transport, port, leftOn }) => `${transport} ${port} ${leftOn}`);
    expect(found).to.have.members(['udp 41000 hw1', 'udp 41001 null', 'tcp 41000 null']);
  });

  it('gives a relay what can be its probe, and nothing of other clients', () => {
    const flow = (address: string, port: number, arrivedOn = 'hw1') => ({
      ...{ transport: 'tcp' as const, delivery: 'local' as const, address, port, arrivedOn },
      leftOn: null,
    });
    const own = [flow('192.0.2.2', 1), flow('192.0.2.2', 2, 'eth0'), flow('10.77.16.1', 3), flow('172.17.0.1', 41_000)];
    const others = [
      flow('203.0.113.7', 5),
      flow('203.0.113.8', 41_000, 'hw2'),
      flow('10.77.16.1', 6, 'hw2'),
      flow('192.0.2.2', 0),
    ];
    const relay = ['10.77.16.1', 'fd77:16::1'];
    expect(probeFlows([...own, ...others], 'hw1', relay, [41_000])).to.deep.equal(own);
    const own6 = [
      flow('3fff:770::2', 1),
      flow('3fff:770::2', 2, 'eth0'),
      flow('fd77:16::1', 3),
      flow('fd00::9', 41_000),
    ];
    const others6 = [
      flow('2001:db8::7', 5),
      flow('3fff:771::2', 5),
      flow('fd77:16::1', 6, 'hw2'),
      flow('3fff:770::2', 0),
    ];
    expect(probeFlows([...own6, ...others6], 'hw1', relay, [41_000])).to.deep.equal(own6);
  });

  it('tells flows of both families', async () => {
    await see(SETS.ipv4.delivered, '192.0.2.2 . 41000 . tcp . "hw1"');
    await see(SETS.ipv6.delivered, '3fff:770::2 . 41000 . udp . "hw1"');
    await see(SETS.ipv6.left, '3fff:770::2 . 41000 . udp . "hw1"');
    await see(SETS.ipv6.entered, '3fff:770::2 . 41001 . udp . "hw1"');
    await see(SETS.ipv6.leftIcmp, '3fff:770::2 . 41001 . "eth0"');
    const found = (await sightings(inside)).map(
      ({ transport, address, port, delivery, leftOn }) => `${transport} ${address} ${port} ${delivery} ${leftOn}`,
    );
    expect(found).to.have.members([
      'tcp 192.0.2.2 41000 local null',
      'udp 3fff:770::2 41000 local hw1',
      'udp 3fff:770::2 41001 none eth0',
    ]);
  });

  it('tells what was delivered here, what was forwarded, and what only came out of the tunnel', async () => {
    await see(SETS.ipv4.entered, '192.0.2.2 . 41000 . tcp . "hw1"');
    await see(SETS.ipv4.entered, '192.0.2.2 . 41001 . tcp . "hw1"');
    await see(SETS.ipv4.delivered, '192.0.2.2 . 41001 . tcp . "hw1"');
    await see(SETS.ipv4.forwarded, '192.0.2.2 . 41002 . tcp . "hw1"');
    const found = (await sightings(inside)).map(({ port, delivery }) => `${port} ${delivery}`);
    expect(found).to.have.members(['41000 none', '41001 local', '41002 forwarded']);
  });

  it('forgets the errors of an earlier probe, in both families, when it watches anew', async () => {
    await see(SETS.ipv4.leftIcmp, '192.0.2.2 . 41000 . "hw1"');
    await see(SETS.ipv6.leftIcmp, '3fff:770::2 . 41000 . "hw1"');
    await watchPorts(inside, [{ transport: 'udp', port: 53 }]);
    for (const family of FAMILIES) {
      const listed = await inside.run(command('nft', ['list', 'set', 'inet', BACKEND_TABLE, SETS[family].leftIcmp]));
      expect(listed).to.not.include('elements');
    }
  });

  it('watches ports of both transports, again and again', async () => {
    const ports = [
      { transport: 'tcp', port: 443 },
      { transport: 'udp', port: 53 },
      { transport: 'tcp', port: 443 },
    ] as const;
    await watchPorts(inside, ports);
    await watchPorts(inside, ports);
    await watchPorts(inside, []);
    const listed = (set: string) => inside.run(command('nft', ['list', 'set', 'inet', BACKEND_TABLE, set]));
    expect(await listed(COMMON_SETS.watchTcp)).to.match(/elements = \{ 443 /);
    expect(await listed(COMMON_SETS.watchUdp)).to.match(/elements = \{ 53 /);
  });
});
