/** How the ports of a relay's forwards are cut where they come out of the tunnel: each port once, alike ones together. */

import { type DeliveredForward, deliveredForwards } from '@homeward/agent/desired/arrivals';
import { rangeElements } from '@homeward/agent/desired/backend-sets';
import { FAMILIES, type Family } from '@homeward/shared/net/address';
import { arrivalPorts, type Forward, familiesOf, parseForward } from '@homeward/shared/net/forward-spec';
import { formatPortRange, portsOf } from '@homeward/shared/net/port';
import { rememberEach } from '@homeward/shared/reconcile/plan-memory';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { elementLine } from '../kernel/element-lines.js';
import { socketsAt, tunnelAddresses } from './backend-states.js';

const arrivalsOf = (specs: readonly string[], sockets: readonly string[], families: readonly Family[] = FAMILIES) =>
  deliveredForwards(
    { forwards: specs.map(parseForward), tunnelAddresses: tunnelAddresses(1) },
    families,
    socketsAt(sockets),
  );

/** What delivers them, without what lets them in. */
const deliveries = (delivered: readonly DeliveredForward[]) =>
  [...delivered.flatMap(({ elements }) => elements), ...rangeElements(delivered.flatMap(({ ranges }) => ranges))]
    .filter(({ set }) => !set.startsWith('allowed'))
    .map(elementLine);

/** `family transport ports: sockets`. */
const lines = (specs: readonly string[], sockets: readonly string[] = [], families?: readonly Family[]) =>
  arrivalsOf(specs, sockets, families).flatMap((one) =>
    one.deliveries.map(({ arrival }) => {
      const { family, transport, ports, sockets: here } = arrival;
      return `${family} ${transport} ${formatPortRange(ports)}: ${here.map((one) => one.address).join(' ')}`.trimEnd();
    }),
  );

describe('desired/arrivals', () => {
  it('are one for each family and transport', () => {
    expect(lines(['53/tcp+udp'])).to.have.members(['ipv4 tcp 53:', 'ipv4 udp 53:', 'ipv6 tcp 53:', 'ipv6 udp 53:']);
    expect(lines(['53/tcp'], [], ['ipv4'])).to.deep.equal(['ipv4 tcp 53:']);
  });

  it('are of the family a forward names, by its address or its host', () => {
    expect(lines(['[2001:db8::1]:53/udp', '80=[fd00:1::9]/tcp'])).to.deep.equal(['ipv6 udp 53:', 'ipv6 tcp 80:']);
    expect(lines(['198.51.100.1:53/udp', '80=192.168.1.9/tcp'])).to.deep.equal(['ipv4 udp 53:', 'ipv4 tcp 80:']);
    expect(lines(['80=[fd00:1::9]/tcp'], [], ['ipv4'])).to.deep.equal([]);
  });

  it('cut the ports where somebody listens out of a range', () => {
    expect(
      lines(['1024-65535/udp'], ['udp *:5353', 'udp 192.168.1.2:1024', 'udp 0.0.0.0:80'], ['ipv4']),
    ).to.have.members([
      'ipv4 udp 5353: *',
      'ipv4 udp 1024: 192.168.1.2',
      'ipv4 udp 1025-5352:',
      'ipv4 udp 5354-65535:',
    ]);
  });

  it('cut in each family and transport what listens in it alone', () => {
    const sockets = ['udp 0.0.0.0:5001', 'udp [::]:5002', 'tcp *:5003', 'udp *%eth0:5004'];
    expect(lines(['5000-5009/udp'], sockets)).to.have.members([
      'ipv4 udp 5001: *',
      'ipv4 udp 5000:',
      'ipv4 udp 5002-5009:',
      'ipv6 udp 5002: *',
      'ipv6 udp 5000-5001:',
      'ipv6 udp 5003-5009:',
    ]);
  });

  it('gather all sockets of a port, those bound to a link aside', () => {
    expect(
      lines(['53/udp'], ['udp 127.0.0.1:53', 'udp 192.168.1.2:53', 'udp 0.0.0.0%eth0:53'], ['ipv4']),
    ).to.deep.equal(['ipv4 udp 53: 127.0.0.1 192.168.1.2']);
  });

  it('ask no sockets for a host behind the backend, whose ports stay together', () => {
    const delivered = arrivalsOf(['5000-5002=192.168.1.99:6000-6002/tcp'], ['tcp *:5001', 'tcp *:6001']);
    expect(
      delivered.flatMap((one) => one.deliveries.map(({ arrival }) => formatPortRange(arrival.ports))),
    ).to.deep.equal(['5000-5002']);
    expect(deliveries(delivered)).to.deep.equal([
      'redirected4 { 10.77.16.2 . tcp . 5000 : 192.168.1.99 . 6000 }',
      'redirected4 { 10.77.16.2 . tcp . 5001 : 192.168.1.99 . 6001 }',
      'redirected4 { 10.77.16.2 . tcp . 5002 : 192.168.1.99 . 6002 }',
    ]);
  });

  it('deliver each busy port its own way', () => {
    const delivered = arrivalsOf(['5000-5003/udp'], ['udp 192.168.1.2:5001', 'udp 10.77.16.2:5002'], ['ipv4']);
    expect(deliveries(delivered)).to.have.members([
      'redirected4 { 10.77.16.2 . udp . 5001 : 192.168.1.2 . 5001 }',
      'pinned4 { 10.77.16.2 . 5000 }',
      'pinned4 { 10.77.16.2 . 5003 }',
    ]);
  });

  it('let in what they deliver: single ports one by one, ranges joined with those of other forwards', () => {
    const delivered = arrivalsOf(['198.51.100.1:5000-5999/tcp', '198.51.100.2:5500-6500/tcp', '443/tcp'], [], ['ipv4']);
    expect(delivered.flatMap(({ elements }) => elements).map(elementLine)).to.deep.equal([
      'allowed4 { 10.77.16.2 . tcp . 443 }',
    ]);
    expect(rangeElements(delivered.flatMap(({ ranges }) => ranges)).map(elementLine)).to.deep.equal([
      'allowed-ranges4 { 10.77.16.2 . tcp . 5000-6500 }',
    ]);
  });

  it('are planned again only for forwards that are new, or where something else changed', () => {
    let planned = 0;
    const remembered = rememberEach<Forward, DeliveredForward>();
    const forwards = ['443/tcp', '53/udp'].map(parseForward);
    const plan = (asked: readonly Forward[], sockets: readonly string[]) =>
      deliveredForwards(
        { forwards: asked, tunnelAddresses: tunnelAddresses(1) },
        FAMILIES,
        socketsAt(sockets),
        (about) => (item, compute) =>
          remembered(about)(item, () => {
            planned += 1;
            return compute();
          }),
      );
    const first = plan(forwards, []);
    expect(plan(forwards, [])).to.deep.equal(first);
    expect(planned).to.equal(2);
    expect(plan([...forwards, parseForward('80/tcp')], [])).to.have.lengthOf(first.length + 1);
    expect(planned).to.equal(3);
    const bound = plan(forwards, ['udp 192.168.1.2:53']);
    expect(planned).to.equal(5);
    expect(deliveries(bound)).to.include('redirected4 { 10.77.16.2 . udp . 53 : 192.168.1.2 . 53 }');
  });

  it('hold every port of every forward exactly once in each of its families and transports', () => {
    const few = fc.integer({ min: 1, max: 30 });
    const anySpec = fc
      .record({
        first: few,
        length: fc.integer({ min: 0, max: 12 }),
        host: fc.constantFrom('', '=192.168.1.9', '=[fd00:1::9]'),
        transports: fc.constantFrom('tcp', 'udp', 'tcp+udp'),
      })
      .map((one) => `${one.first}-${one.first + one.length}${one.host}/${one.transports}`);
    const anySocket = fc
      .tuple(fc.constantFrom('tcp', 'udp'), fc.constantFrom('*', '0.0.0.0', '[::]', '192.168.1.2', '*%eth0'), few)
      .map(([transport, address, port]) => `${transport} ${address}:${port}`);
    fc.assert(
      fc.property(anySpec, fc.array(anySocket, { maxLength: 8 }), (spec, sockets) => {
        const forward = parseForward(spec);
        const delivered = arrivalsOf([spec], sockets).flatMap((one) => one.deliveries);
        for (const family of familiesOf(forward)) {
          for (const transport of forward.transports) {
            const own = delivered.filter(({ arrival }) => arrival.family === family && arrival.transport === transport);
            const ports = own.flatMap(({ arrival }) => portsOf(arrival.ports)).sort((a, b) => a - b);
            expect(ports).to.deep.equal(portsOf(arrivalPorts(forward)));
            for (const { arrival } of own.filter((one) => one.arrival.ports.first < one.arrival.ports.last)) {
              expect(arrival.sockets).to.deep.equal([]);
            }
          }
        }
      }),
    );
  });
});
