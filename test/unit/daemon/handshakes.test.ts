/** When a tunnel has been silent for too long. */

import { createHandshakeWatch } from '@homeward/agent/daemon/handshakes';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const UNIX = 1_800_000_000;
const clocks = (seconds: number, jump = 0) => ({ steadyMs: 1e6 + seconds * 1000, unixSeconds: UNIX + seconds + jump });

describe('daemon/handshakes', () => {
  it('are too old three minutes after the last one', () => {
    const watch = createHandshakeWatch();
    expect(watch.isTooOld('hw1', UNIX, clocks(0))).to.equal(false);
    expect(watch.isTooOld('hw1', UNIX, clocks(180))).to.equal(false);
    expect(watch.isTooOld('hw1', UNIX, clocks(181))).to.equal(true);
    expect(watch.isTooOld('hw1', UNIX + 181, clocks(182))).to.equal(false);
  });

  it('are by their date where they were never seen before', () => {
    expect(createHandshakeWatch().isTooOld('hw1', UNIX - 200, clocks(0))).to.equal(true);
    expect(createHandshakeWatch().isTooOld('hw1', UNIX - 100, clocks(0))).to.equal(false);
    const watch = createHandshakeWatch();
    watch.isTooOld('hw1', UNIX - 100, clocks(0));
    expect(watch.isTooOld('hw1', UNIX - 100, clocks(81))).to.equal(true);
  });

  it('are not by a clock that jumps, forwards or backwards', () => {
    const year = 365 * 86_400;
    const watch = createHandshakeWatch();
    expect(watch.isTooOld('hw1', UNIX, clocks(1))).to.equal(false);
    expect(watch.isTooOld('hw1', UNIX, clocks(2, year))).to.equal(false);
    expect(watch.isTooOld('hw1', UNIX, clocks(3, -year))).to.equal(false);
    expect(watch.isTooOld('hw1', UNIX, clocks(182, -year))).to.equal(true);
    expect(createHandshakeWatch().isTooOld('hw1', UNIX + year, clocks(0))).to.equal(false);
  });

  it('are missed after half a minute where there never was one, for each link by itself', () => {
    const watch = createHandshakeWatch();
    expect(watch.isTooOld('hw1', 0, clocks(0))).to.equal(false);
    expect(watch.isTooOld('hw2', 0, clocks(20))).to.equal(false);
    expect(watch.isTooOld('hw1', 0, clocks(31))).to.equal(true);
    expect(watch.isTooOld('hw2', 0, clocks(31))).to.equal(false);
    watch.begins('hw1');
    expect(watch.isTooOld('hw1', 0, clocks(32))).to.equal(false);
  });
});
