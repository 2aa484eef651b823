/** What of a relay's word an agent dials: never this machine, link-local or metadata addresses, nor with a password. */

import { dialList } from '@homeward/agent/link/dial-list';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const KNOWN = ['ws://198.51.100.1:7700'];
const told = (...urls: string[]) => dialList({ told: urls, known: KNOWN, working: null });

describe('link: dial list', () => {
  it('takes what the relay says, and keeps the one that works in front', () => {
    const urls = ['wss://relay.example/control', 'ws://192.168.1.9:7700', 'ws://[2001:db8::1]:7700'];
    expect(told(...urls)).to.deep.equal(urls);
    expect(dialList({ told: urls, known: KNOWN, working: 'ws://192.168.1.9:7700' })).to.deep.equal([
      ...['ws://192.168.1.9:7700', 'wss://relay.example/control', 'ws://[2001:db8::1]:7700'],
    ]);
  });

  it('leaves out what leads to this machine or its metadata service, however it is written, and what has a password', () => {
    const honest = 'wss://relay.example/';
    for (const url of [
      ...['ws://127.0.0.1:8080/', 'ws://127.9.9.9', 'ws://2130706433/', 'ws://0x7f.1/', 'ws://0177.0.0.1/', 'ws://0/'],
      ...['ws://localhost:631/', 'ws://LOCALHOST./', 'ws://db.localhost/', 'ws://[::1]/', 'ws://[::ffff:127.0.0.1]/'],
      ...['ws://169.254.169.254/latest/', 'ws://[fe80::1]/', 'ws://[fd00:ec2::254]/', 'ws://255.255.255.255/'],
      ...['ws://admin:admin@192.168.1.1/reboot', 'wss://token@relay.example/'],
    ]) {
      expect(told(url, honest), url).to.deep.equal([honest]);
      expect(told(url), url).to.deep.equal(KNOWN);
    }
  });

  it("keeps what the owner's token named, whatever it is", () => {
    const own = ['ws://127.0.0.1:7700', 'wss://user:word@relay.example/'];
    expect(dialList({ told: own, known: own, working: null })).to.deep.equal(own);
  });

  it('keeps so many, each once', () => {
    const many = Array.from({ length: 40 }, (_, index) => `ws://relay-${index % 30}`);
    expect(told(...many)).to.have.lengthOf(16);
    expect(dialList({ told: many, known: KNOWN, working: many[29] ?? null })[0]).to.equal(many[29]);
  });
});
