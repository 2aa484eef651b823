/** The units' text. */

import { CAPABILITIES } from '@homeward/shared/service/sandbox';
import { below, quoted, quotedPath, unitText } from '@homeward/shared/service/unit';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';

const USUAL = {
  side: 'controller',
  argv: ['/usr/bin/node', '/opt/homeward/packages/controller/bin/controller.js', 'serve'],
  stateDir: '/var/lib/homeward/controller',
  runDir: '/run/homeward',
} as const;

function settings(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, key = '', value = '']) => [key, value]));
}

describe('service/unit', () => {
  it('starts the daemon with absolute paths, again after a failure, but not after bad input', () => {
    const unit = settings(unitText(USUAL));
    expect(unit.get('ExecStart')).to.equal('/usr/bin/node /opt/homeward/packages/controller/bin/controller.js serve');
    expect(unit.get('Restart')).to.equal('on-failure');
    expect(unit.get('RestartPreventExitStatus')).to.equal('2');
    expect(unit.get('WantedBy')).to.equal('multi-user.target');
  });

  it('comes after nftables.service, which flushes everything', () => {
    expect(settings(unitText(USUAL)).get('After')?.split(' ')).to.include.members([
      'network-pre.target',
      'nftables.service',
    ]);
  });

  it('lets systemd make the usual directories', () => {
    const unit = settings(unitText(USUAL));
    expect(unit.get('StateDirectory')).to.equal('homeward/controller');
    expect(unit.get('StateDirectoryMode')).to.equal('0700');
    expect(unit.get('RuntimeDirectory')).to.equal('homeward');
    expect(unit.get('RuntimeDirectoryPreserve')).to.equal('yes');
    expect(unit.get('ReadWritePaths')).to.equal('/proc/sys/net');
  });

  it('opens directories of the choice of the owner', () => {
    const text = unitText({ ...USUAL, stateDir: '/srv/home ward', runDir: '/srv/run' });
    expect(text).to.include('ReadWritePaths="/srv/home ward"\n').and.include('ReadWritePaths=/srv/run\n');
    expect(text).to.not.include('StateDirectory');
  });

  it('keeps what the kernel part needs: its capabilities and the sysctls of the network', () => {
    for (const side of ['controller', 'agent'] as const) {
      const unit = settings(unitText({ ...USUAL, side }));
      expect(unit.get('CapabilityBoundingSet')).to.equal(CAPABILITIES[side].join(' '));
      expect(CAPABILITIES[side]).to.include.members(['CAP_NET_ADMIN', 'CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH']);
      expect(unit.get('ReadWritePaths')).to.equal('/proc/sys/net');
      expect([...unit.keys()]).to.not.include.members(['PrivateNetwork', 'ProcSubset', 'MemoryDenyWriteExecute']);
      const families = ['AF_UNIX', 'AF_NETLINK', 'AF_INET', 'AF_INET6'];
      expect(unit.get('RestrictAddressFamilies')?.split(' ')).to.have.members(families);
    }
  });

  it('leaves only the relay what its probe needs: a network namespace', () => {
    const controller = settings(unitText(USUAL));
    const agent = settings(unitText({ ...USUAL, side: 'agent' }));
    expect(controller.get('RestrictNamespaces')).to.equal('net');
    expect(agent.get('RestrictNamespaces')).to.equal('yes');
    expect(CAPABILITIES.agent).to.not.include('CAP_SYS_ADMIN');
  });

  it('is active when the daemon says so, and watched from then on', () => {
    const unit = settings(unitText(USUAL));
    expect(unit.get('Type')).to.equal('notify');
    expect(unit.get('NotifyAccess')).to.equal('all');
    expect(Number(unit.get('WatchdogSec'))).to.be.above(0);
  });

  it('can reach a program that lies in a home or a temporary directory', () => {
    expect(settings(unitText(USUAL)).get('ProtectHome')).to.equal('yes');
    const own = ['/root/.nvm/versions/node/v22/bin/node', '/tmp/homeward/controller.js', 'serve'];
    const unit = settings(unitText({ ...USUAL, argv: own }));
    expect(unit.get('ProtectHome')).to.equal('read-only');
    expect(unit.get('PrivateTmp')).to.equal('no');
  });

  it('quotes what systemd would read otherwise', () => {
    expect(quoted('/opt/a b')).to.equal('"/opt/a b"');
    expect(quoted('/opt/100%/$HOME')).to.equal('/opt/100%%/$$HOME');
    expect(quoted('/opt/"x"\\')).to.equal('"/opt/\\"x\\"\\\\"');
    expect(quotedPath('/srv/$a')).to.equal('/srv/$a');
    expect(thrownBy(() => quoted('/opt/a\nExecStartPre=/bin/sh'))).to.include({ code: 'bad-input' });
  });

  it('knows which directories are for systemd to make', () => {
    expect(below('/var/lib', '/var/lib/homeward/agent')).to.equal('homeward/agent');
    for (const path of ['/var/lib', '/var/lib/', '/var/library/x', '/var/lib/../../etc', '/var/lib/a b']) {
      expect(below('/var/lib', path), path).to.equal(null);
    }
  });
});
