/** When a tunnel has been silent for too long. */

import { createHandshakeWatch } from '@homeward/agent/daemon/handshakes';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const UNIX = 1_800_000_000;
const at = (seconds: number) => 1e6 + seconds * 1000;

describe('daemon/handshakes', () => {
  it('are too old three minutes after they were first seen', () => {
    const watch = createHandshakeWatch();
    expect(watch.isTooOld('hw1', UNIX, at(0))).to.equal(false);
    expect(watch.isTooOld('hw1', UNIX, at(180))).to.equal(false);
    expect(watch.isTooOld('hw1', UNIX, at(181))).to.equal(true);
    expect(watch.isTooOld('hw1', UNIX + 181, at(182))).to.equal(false);
  });

  it('have no age by their date: clocks jump', () => {
    const year = 365 * 86_400;
    for (const handshake of [UNIX - year, UNIX + year]) {
      const watch = createHandshakeWatch();
      expect(watch.isTooOld('hw1', handshake, at(0))).to.equal(false);
      expect(watch.isTooOld('hw1', handshake, at(180))).to.equal(false);
      expect(watch.isTooOld('hw1', handshake, at(181))).to.equal(true);
    }
  });

  it('are missed after half a minute where there never was one, for each link by itself', () => {
    const watch = createHandshakeWatch();
    expect(watch.isTooOld('hw1', 0, at(0))).to.equal(false);
    expect(watch.isTooOld('hw2', 0, at(20))).to.equal(false);
    expect(watch.isTooOld('hw1', 0, at(31))).to.equal(true);
    expect(watch.isTooOld('hw2', 0, at(31))).to.equal(false);
    watch.begins('hw1');
    expect(watch.isTooOld('hw1', 0, at(32))).to.equal(false);
  });
});
