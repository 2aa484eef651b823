/** What to type where a firewall drops a probe. */

import { letPass } from '@homeward/controller/probe/let-pass';
import { parseIp } from '@homeward/shared/net/address';
import { port } from '@homeward/shared/net/port';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const sample = { transport: 'tcp', arrivalPort: 2222, targetPort: 22, lan: null } as const;
const LAN = { host: parseIp('192.168.1.99'), ports: { first: port(22), last: port(22) } };
const site = { at: 'backend', direction: 'request', chain: 'INPUT', rule: null } as const;

describe('probe/let-pass', () => {
  it('names the port as the firewall meets it: forwarded at the relay, delivered at the backend', () => {
    const at = (place: 'relay' | 'backend', lan: typeof LAN | null = null) =>
      letPass({ ...site, at: place, table: 'ip filter' }, { ...sample, lan });
    expect(at('relay')).to.equal('with ufw: ufw route allow proto tcp to any port 2222');
    expect(at('backend')).to.equal('with ufw: ufw allow proto tcp to any port 22');
    expect(at('backend', LAN)).to.equal('with ufw: ufw route allow proto tcp to any port 22');
  });

  it('asks of firewalld what comes in; what was forwarded to another address it lets through', () => {
    const table = 'inet firewalld';
    expect(letPass({ ...site, table }, sample)).to.equal(
      'with firewalld: firewall-cmd --add-port=22/tcp, and for good with --permanent',
    );
    expect(letPass({ ...site, table }, { ...sample, lan: LAN })).to.equal(null);
  });

  it('knows nothing to type for replies, and for rules that somebody wrote by hand', () => {
    expect(letPass({ ...site, table: 'ip filter', direction: 'reply' }, sample)).to.equal(null);
    expect(letPass({ ...site, table: 'inet dropping' }, sample)).to.equal(null);
  });
});
