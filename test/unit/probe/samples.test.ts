/** Which ports are probed, and what a UDP probe says. */

import { type Entrances, echoSamples, samplesOf } from '@homeward/controller/probe/samples';
import { familyOf, formatEndpoint, parseIpv4, parseIpv6 } from '@homeward/shared/net/address';
import { isProbeAddress } from '@homeward/shared/net/allocation';
import { familiesOf, parseForward } from '@homeward/shared/net/forward-spec';
import { rangeLength } from '@homeward/shared/net/port';
import { parsePortSpec } from '@homeward/shared/net/port-spec';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { anyForward } from '../net/generators.js';

const BOTH: Entrances = { ipv4: parseIpv4('198.51.100.1'), ipv6: parseIpv6('2001:db8::1') };
const IPV4: Entrances = { ...BOTH, ipv6: null };
const IPV6: Entrances = { ...BOTH, ipv4: null };

/** `public endpoint/transport -> port at the tunnel address -> target port`. */
const lines = (spec: string, entrances = IPV4) =>
  samplesOf(parseForward(spec), entrances).map(
    (s) => `${formatEndpoint(s.address, s.publicPort)}/${s.transport} -> ${s.arrivalPort} -> ${s.targetPort}`,
  );

describe('probe/samples', () => {
  it('takes a port for each transport and family', () => {
    expect(lines('53/tcp+udp')).to.deep.equal(['198.51.100.1:53/tcp -> 53 -> 53', '198.51.100.1:53/udp -> 53 -> 53']);
    expect(lines('443=8443/tcp', BOTH)).to.deep.equal([
      '198.51.100.1:443/tcp -> 8443 -> 8443',
      '[2001:db8::1]:443/tcp -> 8443 -> 8443',
    ]);
    expect(lines('443/tcp', IPV6)).to.deep.equal(['[2001:db8::1]:443/tcp -> 443 -> 443']);
    expect(lines('443/tcp', { ipv4: null, ipv6: null })).to.deep.equal([]);
  });

  it('takes the first, a middle and the last of a range, each once', () => {
    expect(lines('8000-8099=9000-9099/tcp')).to.deep.equal([
      '198.51.100.1:8000/tcp -> 9000 -> 9000',
      '198.51.100.1:8050/tcp -> 9050 -> 9050',
      '198.51.100.1:8099/tcp -> 9099 -> 9099',
    ]);
    expect(lines('80-81/tcp')).to.have.lengthOf(2);
    expect(lines('1024-65535/tcp+udp', BOTH)).to.have.lengthOf(12);
  });

  it('takes of everything what is neither excepted nor kept at the relay', () => {
    const kept = [parsePortSpec('2/tcp+udp'), parsePortSpec('60000-65535/udp')];
    const ports = samplesOf(parseForward('all-except-1/tcp'), IPV4, kept).map((s) => `${s.publicPort}/${s.transport}`);
    expect(ports).to.deep.equal(['3/tcp', '32769/tcp', '65535/tcp', '1/udp', '30001/udp', '59999/udp']);
    expect(lines('all-except-1-65535/tcp+udp')).to.deep.equal([]);
  });

  it("connects to the forward's own address where it has one, and only where its family comes in", () => {
    expect(lines('198.51.100.9:443/tcp', BOTH)).to.deep.equal(['198.51.100.9:443/tcp -> 443 -> 443']);
    expect(lines('[2001:db8::9]:443/tcp', BOTH)).to.deep.equal(['[2001:db8::9]:443/tcp -> 443 -> 443']);
    expect(lines('[2001:db8::9]:443/tcp', IPV4)).to.deep.equal([]);
    expect(lines('198.51.100.9:443/tcp', IPV6)).to.deep.equal([]);
  });

  it('watches for a host behind the backend at the public port, in its family alone', () => {
    expect(lines('80=192.168.1.9:8080/tcp', BOTH)).to.deep.equal(['198.51.100.1:80/tcp -> 80 -> 8080']);
    expect(lines('80-81=[fd00::9]:8080-8081/tcp', BOTH)).to.deep.equal([
      '[2001:db8::1]:80/tcp -> 80 -> 8080',
      '[2001:db8::1]:81/tcp -> 81 -> 8081',
    ]);
    expect(samplesOf(parseForward('80=[fd00::9]/tcp'), BOTH)[0]).to.deep.include({
      lan: { host: 'fd00::9', ports: { first: 80, last: 80 } },
      family: 'ipv6',
    });
    expect(samplesOf(parseForward('80/tcp'), BOTH)[0]).to.include({ lan: null, forward: '80/tcp' });
  });

  it('never takes a port that the forward does not cover, and probes every family and transport of it', () => {
    fc.assert(
      fc.property(anyForward(65_535), (forward) => {
        const samples = samplesOf(forward, BOTH);
        const ways = familiesOf(forward).length * forward.transports.length;
        expect(samples).to.have.lengthOf(ways * Math.min(3, rangeLength(forward.publicPorts)));
        for (const { publicPort, targetPort, address, family, arrivalPort } of samples) {
          const offset = publicPort - forward.publicPorts.first;
          expect(publicPort).to.be.within(forward.publicPorts.first, forward.publicPorts.last);
          expect(targetPort - forward.targetPorts.first).to.equal(offset);
          expect(arrivalPort).to.equal(forward.targetHost === null ? targetPort : publicPort);
          expect(familyOf(address)).to.equal(family);
        }
        for (const end of [forward.publicPorts.first, forward.publicPorts.last]) {
          expect(samples.filter(({ publicPort }) => publicPort === end)).to.have.lengthOf(ways);
        }
      }),
    );
  });

  it("enters the echo by the probe's own door, in each family and transport", () => {
    const samples = echoSamples(['ipv4', 'ipv6'], 10_001, 40_404);
    expect(samples.map(({ family, transport }) => `${family} ${transport}`)).to.deep.equal([
      'ipv4 tcp',
      'ipv4 udp',
      'ipv6 tcp',
      'ipv6 udp',
    ]);
    for (const sample of samples) {
      expect(sample).to.include({ forward: null, publicPort: 10_001, arrivalPort: 40_404, lan: null });
      expect(isProbeAddress(sample.address)).to.equal(true);
    }
    expect(echoSamples([], 10_001, 40_404)).to.deep.equal([]);
  });
});
