/** Which ports are probed, and what a UDP probe says. */

import { payloadFor, samplesOf } from '@homeward/controller/probe/samples';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { parseIpv4 } from '@homeward/shared/net/ipv4';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { anyForward } from '../net/generators.js';

const UPLINK = parseIpv4('198.51.100.1');
const lines = (spec: string) =>
  samplesOf(parseForward(spec), UPLINK).map(
    (s) => `${s.forward}: ${s.address}:${s.publicPort}/${s.transport} -> ${s.targetPort}`,
  );

describe('probe/samples', () => {
  it('takes a port for each transport', () => {
    expect(lines('53/tcp+udp')).to.deep.equal([
      '53/tcp+udp: 198.51.100.1:53/tcp -> 53',
      '53/tcp+udp: 198.51.100.1:53/udp -> 53',
    ]);
  });

  it('takes the first, a middle and the last of a range, each once', () => {
    expect(lines('8000-8099=9000-9099/tcp')).to.deep.equal([
      '8000-8099=9000-9099/tcp: 198.51.100.1:8000/tcp -> 9000',
      '8000-8099=9000-9099/tcp: 198.51.100.1:8050/tcp -> 9050',
      '8000-8099=9000-9099/tcp: 198.51.100.1:8099/tcp -> 9099',
    ]);
    expect(lines('80-81/tcp')).to.have.lengthOf(2);
  });

  it("connects to the forward's own address where it has one", () => {
    expect(lines('198.51.100.9:443/tcp')).to.deep.equal(['198.51.100.9:443/tcp: 198.51.100.9:443/tcp -> 443']);
  });

  it('never takes a port that the forward does not cover', () => {
    fc.assert(
      fc.property(anyForward(65_535), (forward) => {
        const samples = samplesOf(forward, UPLINK);
        expect(samples.length).to.be.within(1, 6);
        for (const { publicPort, targetPort } of samples) {
          expect(publicPort).to.be.within(forward.publicPorts.first, forward.publicPorts.last);
          expect(targetPort - forward.targetPorts.first).to.equal(publicPort - forward.publicPorts.first);
        }
      }),
    );
  });

  it('asks a name server a question it answers', () => {
    const query = payloadFor(53);
    expect(query.readUInt16BE(4), 'questions').to.equal(1);
    expect(query.subarray(12).toString('hex'), 'root, NS, IN').to.equal('0000020001');
    expect(payloadFor(5353).toString()).to.equal('homeward probe');
  });
});
