/** Verdicts: every cause by an example, and green only for what was seen. */

import type { ProbeReply } from '@homeward/controller/probe/job';
import { type BackendView, judge, type ProbeResult, type Sighting } from '@homeward/controller/probe/verdict';
import { parseIpv4, parseIpv6 } from '@homeward/shared/net/address';
import { port } from '@homeward/shared/net/port';
import type { Observed, ObservedFlow } from '@homeward/shared/protocol/messages';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';

type Service = ProbeReply['service'];

const NO_PROBLEM = { ipv4: null, ipv6: null };
const LOOPBACK = { ipv4: 'nginx listens on loopback only', ipv6: 'nginx listens on loopback only' };

function sighting(transport: 'tcp' | 'udp', service: Service, lan: Sighting['sample']['lan'] = null): Sighting {
  return {
    sample: {
      forward: `443/${transport}`,
      family: 'ipv4',
      transport,
      address: parseIpv4('198.51.100.1'),
      publicPort: 443,
      arrivalPort: 443,
      targetPort: 443,
      lan,
    },
    client: { address: '192.0.2.2', port: 41_000 },
    reply: { id: 1, service, rttMs: service === 'silent' ? null : 1.5 },
  };
}

function flow(more: Partial<ObservedFlow> = {}): ObservedFlow {
  return {
    transport: 'tcp',
    delivery: 'local',
    address: '192.0.2.2',
    port: 41_000,
    arrivedOn: 'hw1',
    leftOn: 'hw1',
    ...more,
  };
}

function view(flows: readonly ObservedFlow[], more: Partial<Observed> = {}): BackendView {
  return {
    name: 'home',
    device: 'hw1',
    relayTunnelAddresses: { ipv4: parseIpv4('10.77.16.1'), ipv6: parseIpv6('fd77:16::1') },
    observed: { flows: [...flows], drift: [], listeners: [], ...more },
    silence: null,
    relayDrift: [],
    clientPorts: new Set([41_000, 41_001]),
  };
}

const tcp = (flows: readonly ObservedFlow[], service: Service = 'answered', more?: Partial<Observed>) =>
  judge(sighting('tcp', service), view(flows, more), null);

/** The same in IPv6. */
const flow6 = (more: Partial<ObservedFlow> = {}) => flow({ address: '3fff:770::2', ...more });
const tcp6 = (flows: readonly ObservedFlow[], service: Service = 'answered', more?: Partial<Observed>) => {
  const { sample, reply } = sighting('tcp', service);
  const six = { ...sample, family: 'ipv6' as const, address: parseIpv6('2001:db8::1') };
  return judge({ sample: six, client: { address: '3fff:770::2', port: 41_000 }, reply }, view(flows, more), null);
};

const udpEcho: ProbeResult = judge(
  { ...sighting('udp', 'answered'), client: { address: '192.0.2.2', port: 41_001 } },
  view([flow({ transport: 'udp', port: 41_001 })]),
  null,
);
const udp = (flows: readonly ObservedFlow[], service: Service, echo: ProbeResult | null) =>
  judge(sighting('udp', service), view(flows), echo);

describe('probe/verdict', () => {
  it('is green for a flow seen with the right address that came and went by the tunnel', () => {
    expect(tcp([flow()])).to.deep.equal({
      backend: 'home',
      forward: '443/tcp',
      proto: 'tcp',
      port: 443,
      family: 'ipv4',
      client: '192.0.2.2:41000',
      seen: '192.0.2.2:41000',
      arrivedOn: 'hw1',
      leftOn: 'hw1',
      replied: true,
      service: 'answered',
      rttMs: 1.5,
      ok: true,
      cause: null,
      hint: null,
      droppedBy: null,
      remedy: null,
    });
  });

  it('is green in IPv6 for what was seen there, with endpoints as IPv6 writes them', () => {
    expect(tcp6([flow6()])).to.include({
      ok: true,
      family: 'ipv6',
      client: '[3fff:770::2]:41000',
      seen: '[3fff:770::2]:41000',
    });
    expect(tcp6([flow6({ address: 'fd77:16::1' })])).to.include({
      cause: 'source-rewritten',
      seen: '[fd77:16::1]:41000',
    });
    expect(tcp6([flow6({ address: 'fd77:16::1', port: 1024 })]).hint).to.match(
      /sees \[fd77:16::1\]:1024 instead of \[3fff:770::2\]:41000: look for a masquerade or SNAT rule on the relay/,
    );
    // The relay's IPv4 address says nothing of a flow in IPv6.
    expect(tcp6([flow6({ address: '10.77.16.1', port: 1024 })], 'silent')).to.include({ cause: 'not-arrived' });
  });

  it("tells what is wrong with a service for the probe's own family alone", () => {
    const only = { ipv4: null, ipv6: 'nginx listens on IPv4 only' };
    const listeners = [{ transport: 'tcp' as const, port: 443, program: 'nginx', problem: only }];
    expect(tcp6([flow6()], 'refused', { listeners })).to.include({ ok: true, hint: 'nginx listens on IPv4 only' });
    expect(tcp([flow()], 'refused', { listeners })).to.include({ ok: true, hint: null });
    expect(tcp6([flow6({ leftOn: null })], 'silent', { listeners })).to.include({
      cause: 'no-reply',
      hint: 'nginx listens on IPv4 only',
    });
  });

  it('looks for the service where it arrives, not where it is meant', () => {
    const sample = { ...sighting('tcp', 'refused').sample, arrivalPort: 80, targetPort: 8080 };
    const listeners = (port: number) => [{ transport: 'tcp' as const, port, program: 'nginx', problem: LOOPBACK }];
    const hint = (port: number) =>
      judge({ ...sighting('tcp', 'refused'), sample }, view([flow()], { listeners: listeners(port) }), null).hint;
    expect([hint(80), hint(8080)]).to.deep.equal(['nginx listens on loopback only', null]);
  });

  it('takes a reset for a reply', () => {
    expect(tcp([flow()], 'refused')).to.include({ ok: true, replied: true, service: 'refused' });
  });

  const CAUSES: Readonly<Record<string, readonly [ProbeResult, string, RegExp]>> = {
    'nothing arrived': [tcp([], 'silent'), 'not-arrived', /kernel saw nothing of it/],
    'nothing arrived, though somebody answered': [tcp([], 'answered'), 'not-arrived', /saw nothing/],
    'a masquerade on the relay': [
      tcp([flow({ address: '10.77.16.1' })]),
      'source-rewritten',
      /sees 10\.77\.16\.1:41000 instead of 192\.0\.2\.2:41000: look for a masquerade or SNAT rule on the relay/,
    ],
    'another port': [tcp([flow({ address: '10.77.16.1', port: 1024 })]), 'source-rewritten', /10\.77\.16\.1:1024/],
    'a proxy in the path': [tcp([flow({ address: '172.17.0.1' })]), 'source-rewritten', /a proxy in the path/],
    'a firewall of the backend': [
      tcp([flow({ delivery: 'none', leftOn: null })], 'silent'),
      'dropped',
      /came out of the tunnel by hw1, but the backend dropped it/,
    ],
    "another client's flow": [tcp([flow({ address: '203.0.113.77', port: 50_000 })], 'silent'), 'not-arrived', /saw/],
    'the wrong way in': [tcp([flow({ arrivedOn: 'eth0' })]), 'wrong-arrival', /came in by eth0, not by the tunnel hw1/],
    'the wrong way out': [
      tcp([flow({ leftOn: 'eth0' })], 'silent'),
      'wrong-return',
      /the reply left by eth0, not by the tunnel hw1/,
    ],
    'a reply that was lost': [tcp([flow()], 'silent'), 'reply-lost', /left by hw1 but did not reach the client/],
    'no reply at all': [tcp([flow({ leftOn: null })], 'silent'), 'no-reply', /no reply left: a firewall/],
    'a reply nobody saw leave': [
      tcp([flow({ leftOn: null })], 'answered'),
      'no-departure',
      /none was seen to leave by hw1/,
    ],
    drift: [tcp([flow()], 'answered', { drift: ['+ rule pref 5100 nop'] }), 'drift', /lacks .*rule pref 5100 nop/],
    "Docker's proxy": [
      tcp([flow()], 'answered', {
        listeners: [{ transport: 'tcp', port: 443, program: 'docker-proxy', problem: NO_PROBLEM }],
      }),
      'proxied',
      /docker-proxy takes the connection/,
    ],
    'a service nobody can reach': [
      tcp([flow({ leftOn: null })], 'silent', {
        listeners: [{ transport: 'tcp', port: 443, program: 'nginx', problem: LOOPBACK }],
      }),
      'no-reply',
      /^nginx listens on loopback only$/,
    ],
    "another probe's flow": [tcp([flow({ port: 41_001 })], 'silent'), 'not-arrived', /saw nothing/],
    'a flow of the other transport': [tcp([flow({ transport: 'udp' })]), 'not-arrived', /saw nothing/],
  };
  for (const [what, [result, cause, hint]] of Object.entries(CAUSES)) {
    it(`names ${what}: ${cause}`, () => {
      expect(result).to.include({ ok: false, cause });
      expect(result.hint).to.match(hint);
    });
  }

  it('shows what was seen of a rewritten flow', () => {
    expect(tcp([flow({ address: '10.77.16.1', port: 1024 })])).to.include({
      seen: '10.77.16.1:1024',
      arrivedOn: 'hw1',
    });
  });

  it('takes what was delivered over what only came out of the tunnel', () => {
    expect(tcp([flow({ delivery: 'none', leftOn: null }), flow()])).to.include({ ok: true });
    const rewritten = flow({ address: '192.168.1.1' });
    expect(tcp([flow({ delivery: 'none' }), rewritten])).to.include({
      cause: 'source-rewritten',
      seen: '192.168.1.1:41000',
    });
  });

  it('lets the echo stand for a UDP service that says nothing', () => {
    const arrived = [flow({ transport: 'udp', leftOn: null })];
    expect(udp(arrived, 'silent', udpEcho)).to.include({ ok: true, service: 'silent', replied: true, leftOn: 'hw1' });
    expect(udp(arrived, 'silent', { ...udpEcho, ok: false })).to.include({ ok: false, cause: 'no-reply' });
    expect(udp(arrived, 'silent', null)).to.include({ ok: false, cause: 'no-reply' });
    expect(udp([], 'silent', udpEcho)).to.include({ ok: false, cause: 'not-arrived' });
  });

  it('does not let the echo stand for a host behind the backend', () => {
    const behind = sighting('udp', 'silent', {
      host: parseIpv4('192.168.1.99'),
      ports: { first: port(443), last: port(443) },
    });
    expect(judge(behind, view([flow({ transport: 'udp', leftOn: null })]), udpEcho)).to.include({ cause: 'no-reply' });
  });

  it('is not green where the backend told nothing, or the relay has drifted', () => {
    const told = view([flow()]);
    const answered = sighting('tcp', 'answered');
    expect(judge(answered, { ...told, silence: 'it is offline' }, null)).to.include({
      ok: false,
      cause: 'no-observer',
      hint: 'it is offline',
    });
    expect(judge(answered, { ...told, relayDrift: ['+ element x'] }, null)).to.include({
      ok: false,
      cause: 'relay-drift',
    });
  });

  it('does not call a proxy what Docker leads past it', () => {
    const listeners = [{ transport: 'tcp' as const, port: 443, program: 'docker-proxy', problem: NO_PROBLEM }];
    expect(tcp([flow({ delivery: 'forwarded' })], 'answered', { listeners })).to.include({ ok: true });
  });

  it('does not let the echo stand for a service that is silent over TCP, or whose reply took a wrong way', () => {
    expect(judge(sighting('tcp', 'silent'), view([flow({ leftOn: null })]), { ...udpEcho, proto: 'tcp' })).to.include({
      ok: false,
    });
    expect(udp([flow({ transport: 'udp', leftOn: 'eth0' })], 'silent', udpEcho)).to.include({ cause: 'wrong-return' });
  });

  it('does not let the echo stand for a reply that was seen to leave and never came', () => {
    expect(udp([flow({ transport: 'udp', leftOn: 'hw1' })], 'silent', udpEcho)).to.include({
      ok: false,
      cause: 'reply-lost',
    });
  });

  it('takes a port-unreachable that left for a reply', () => {
    const refused = (leftOn: string) => [flow({ transport: 'udp', leftOn })];
    expect(udp(refused('hw1'), 'refused', null)).to.include({ ok: true, leftOn: 'hw1', service: 'refused' });
    expect(udp(refused('eth0'), 'refused', null)).to.include({ cause: 'wrong-return' });
    expect(udp(refused('hw1'), 'silent', udpEcho)).to.include({ ok: false, cause: 'reply-lost' });
    expect(udp([flow({ transport: 'udp', leftOn: null })], 'refused', udpEcho)).to.include({ cause: 'no-departure' });
  });

  it('is green only if a flow of the client arrived and left by the tunnel, was answered, and nothing drifted', () => {
    const device = fc.constantFrom('hw1', 'eth0');
    const anyFlow = fc.record({
      transport: fc.constantFrom('tcp' as const, 'udp' as const),
      address: fc.constantFrom('192.0.2.2', '10.77.16.1'),
      port: fc.constantFrom(41_000, 41_001, 1024),
      delivery: fc.constantFrom('none' as const, 'local' as const, 'forwarded' as const),
      arrivedOn: device,
      leftOn: fc.option(device),
    });
    fc.assert(
      fc.property(
        fc.constantFrom('tcp' as const, 'udp' as const),
        fc.constantFrom<Service[]>('answered', 'refused', 'silent'),
        fc.array(anyFlow, { maxLength: 3 }),
        fc.constantFrom<string[]>([], ['+ rule pref 5100 nop']),
        (transport, service, flows, drift) => {
          const result = judge(sighting(transport, service), view(flows, { drift }), null);
          const isSeen = flows.some(
            (one) =>
              one.transport === transport &&
              one.delivery !== 'none' &&
              one.address === '192.0.2.2' &&
              one.port === 41_000 &&
              one.arrivedOn === 'hw1' &&
              one.leftOn === 'hw1',
          );
          if (result.ok)
            expect({ isSeen, service: service !== 'silent', drift }).to.deep.equal({
              isSeen: true,
              service: true,
              drift: [],
            });
          expect(result.cause === null).to.equal(result.ok);
          expect(result.hint === null).to.equal(result.ok);
        },
      ),
    );
  });
});
