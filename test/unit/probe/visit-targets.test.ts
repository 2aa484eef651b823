/** Which hosts behind the backend a relay may have visited: those its own forwards lead to. */

import type { WatchedPort } from '@homeward/agent/probe/observer';
import { visitTargets } from '@homeward/agent/probe/visit-targets';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { MOST_VISITS } from '@homeward/shared/protocol/messages';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const tcp = (port: number): WatchedPort => ({ transport: 'tcp', port });
const udp = (port: number): WatchedPort => ({ transport: 'udp', port });
const lines = (watch: readonly WatchedPort[], ...specs: string[]): string[] =>
  visitTargets(watch, specs.map(parseForward)).map(
    ({ watched, host, port }) => `${watched.port}/${watched.transport} ${host} ${port}`,
  );

describe('probe/visit-targets', () => {
  it('are hosts behind the backend with the port there, of ranges each port', () => {
    const watch = [tcp(80), tcp(8100), tcp(8110), udp(53)];
    expect(
      lines(watch, '80=192.168.1.99:8080/tcp', '8100-8110=192.168.1.98:8000-8010/tcp', '53=192.168.1.97/udp'),
    ).to.deep.equal([
      '80/tcp 192.168.1.99 8080',
      '8100/tcp 192.168.1.98 8000',
      '8110/tcp 192.168.1.98 8010',
      '53/udp 192.168.1.97 53',
    ]);
  });

  it('are two, each once, where a public port leads to a host of each family', () => {
    expect(lines([tcp(80), tcp(80)], '80=192.168.1.99/tcp', '80=[fd00::9]/tcp')).to.deep.equal([
      '80/tcp 192.168.1.99 80',
      '80/tcp fd00::9 80',
    ]);
  });

  it('are none for the backend itself, other transports and other ports', () => {
    expect(lines([tcp(80), tcp(81), tcp(443)], '443/tcp', 'all', '80=192.168.1.99/udp')).to.deep.equal([]);
  });

  it('are so many as a message carries', () => {
    const watch = Array.from({ length: 200 }, (_, index) => tcp(1_000 + index));
    expect(lines(watch, '1000-1999=192.168.1.99/tcp')).to.have.lengthOf(MOST_VISITS);
  });
});
