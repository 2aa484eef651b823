/** Flows that conntrack forgets: those of the ports that were named, and of no others, in a real kernel. */

import { command } from '@homeward/shared/host/command';
import { parseFlows } from '@homeward/shared/kernel/flow-parse';
import { forgetFlows, type LedFlows } from '@homeward/shared/kernel/stale-flows';
import { FAMILIES, parseIp } from '@homeward/shared/net/address';
import { parsePortRange } from '@homeward/shared/net/port';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { networkNamespace } from './network-namespace.js';
import { recorded } from './recorded.js';

const OURS = { ipv4: '10.77.16.2', ipv6: 'fd77:16::2' } as const;
const OTHER = { ipv4: '10.77.16.3', ipv6: 'fd77:16::3' } as const;
const PORTS = [53, 5000, 5002, 5999, 6500];

const stale = (text: string): LedFlows => {
  const [address = '', ports = '', ledTo = address] = text.split(' ');
  return {
    kind: 'led',
    transport: 'udp',
    address: parseIp(address),
    ports: parsePortRange(ports),
    ledTo: parseIp(ledTo),
  };
};

const destinationPorts = (listing: string) => parseFlows(listing).map((flow) => flow.destinationPort);

describe('kernel/stale-flows', () => {
  const inside = networkNamespace();

  beforeEach(async () => {
    await inside.run(command('conntrack', ['-F']));
    const flow = (address: string, port: number) =>
      inside.run(
        command('conntrack', [
          ...['-I', '-p', 'udp', '-t', '60', '-u', 'SEEN_REPLY', '-s', address, '-d', address],
          ...['--sport', '40000', '--dport', String(port)],
        ]),
      );
    for (const family of FAMILIES) {
      for (const port of PORTS) await flow(OURS[family], port);
      await flow(OTHER[family], 5000);
    }
  });

  /** Ports of the flows left to an address. */
  async function left(address: string): Promise<number[]> {
    const family = address.includes(':') ? 'ipv6' : 'ipv4';
    const listing = command('conntrack', ['-L', '-f', family, '-p', 'udp', '--orig-dst', address]);
    return destinationPorts(await inside.run(listing)).sort((a, b) => a - b);
  }

  it('reads the ports a recorded listing tells, of before any translation', () => {
    const ports = destinationPorts(recorded('flows.txt'));
    expect(ports).to.have.members([53, 5000, 5002, 5999, 53, 5000, 5002, 5999]);
    expect(destinationPorts('')).to.deep.equal([]);
  });

  for (const family of FAMILIES) {
    const address = OURS[family];

    it(`forgets one port of ${family}, and is content where there is nothing`, async () => {
      await forgetFlows(inside, [stale(`${address} 53`), stale(`${address} 54`)]);
      expect(await left(address)).to.deep.equal([5000, 5002, 5999, 6500]);
      expect(await left(OURS[family === 'ipv4' ? 'ipv6' : 'ipv4'])).to.deep.equal(PORTS);
    });

    it(`forgets a short and a long range of ${family}, both ends included, and leaves other addresses`, async () => {
      await forgetFlows(inside, [stale(`${address} 5000-5003`)]);
      expect(await left(address)).to.deep.equal([53, 5999, 6500]);
      await forgetFlows(inside, [stale(`${address} 5999-6500`), stale(`${address} 1-40`)]);
      expect(await left(address)).to.deep.equal([53]);
      expect(await left(OTHER[family])).to.deep.equal([5000]);
    });
  }

  it('forgets everything of an address for its whole range of ports', async () => {
    await forgetFlows(inside, [stale(`${OURS.ipv6} 1-65535`)]);
    expect(await left(OURS.ipv6)).to.deep.equal([]);
    expect(await left(OURS.ipv4)).to.deep.equal(PORTS);
  });

  it('leaves flows that were led elsewhere', async () => {
    await forgetFlows(inside, [stale(`${OURS.ipv4} 53 ${OTHER.ipv4}`), stale(`${OURS.ipv4} 1-65535 ${OTHER.ipv4}`)]);
    expect(await left(OURS.ipv4)).to.deep.equal(PORTS);
  });

  it('asks for nothing where nothing is stale', async () => {
    await forgetFlows(inside, []);
    expect(await left(OURS.ipv4)).to.deep.equal(PORTS);
  });

  it('forgets what a service began itself, and flows whose client got another port by that', async () => {
    const [client, tunnel] = ['203.0.113.7', OURS.ipv4];
    const insert = (...words: string[]) => inside.run(command('conntrack', ['-I', '-p', 'udp', '-t', '60', ...words]));
    const ends = (source: string, sport: number, destination: string, dport: number) => [
      ...['-s', source, '--sport', String(sport), '-d', destination, '--dport', String(dport)],
    ];
    const answers = (source: string, sport: number, destination: string, dport: number) => [
      ...['-r', source, '--reply-port-src', String(sport), '-q', destination, '--reply-port-dst', String(dport)],
    ];
    await insert(...ends(OTHER.ipv4, 7000, client, 4000), ...answers(client, 4000, OTHER.ipv4, 7000));
    await insert(...ends(OTHER.ipv4, 7001, client, 4000), ...answers(client, 4000, OTHER.ipv4, 7001));
    await insert(...ends(client, 4000, tunnel, 7000), ...answers(OTHER.ipv4, 7000, client, 1028));
    await insert(...ends(client, 4001, tunnel, 7000), ...answers(OTHER.ipv4, 7000, client, 4001));
    const asked = { address: parseIp(OTHER.ipv4), ports: parsePortRange('7000'), arrivesAt: parseIp(tunnel) };
    await forgetFlows(inside, [{ kind: 'unasked', ...asked }]);
    const left = parseFlows(await inside.run(command('conntrack', ['-L', '-p', 'udp'])));
    const ours = left.filter(({ source, destination }) => [source, destination].includes(client));
    expect(ours.map(({ sourcePort }) => sourcePort)).to.have.members([7001, 4001]);
  });

  it('forgets of TCP what led to the machine itself, and leaves what is led on', async () => {
    const insert = (port: number, ...more: string[]) =>
      inside.run(
        command('conntrack', [
          ...['-I', '-p', 'tcp', '-t', '60', '--state', 'ESTABLISHED', '-s', '203.0.113.7', '-d', OURS.ipv4],
          ...['--sport', '40000', '--dport', String(port), ...more],
        ]),
      );
    await insert(443);
    const answers = ['-r', OTHER.ipv4, '-q', '203.0.113.7', '--reply-port-src', '444', '--reply-port-dst', '40000'];
    await insert(444, ...answers);
    const led = { address: parseIp(OURS.ipv4), ports: parsePortRange('443-445'), ledTo: parseIp(OURS.ipv4) };
    await forgetFlows(inside, [{ kind: 'led', transport: 'tcp', ...led }]);
    const left = destinationPorts(await inside.run(command('conntrack', ['-L', '-p', 'tcp'])));
    expect(left).to.deep.equal([444]);
  });
});
