/** The controller as a service, in its sandbox, beside a real ufw on a stock Debian: what it asks of it is written where the sandbox may not. */
import { expect } from 'chai';
import { createLab, type Lab } from '../../support/lab.js';
import type { LabNode } from '../../support/lab-node.js';
import { poll } from '../../support/poll.js';
import { packageFile, versions } from '../../support/vm/debian-packages.js';
import { bootLabGuest, interfacesFile } from '../../support/vm/lab-guest.js';
import type { Vm } from '../../support/vm/vm.js';

describe('the service beside ufw', () => {
  let lab: Lab;
  let vm: Vm;
  let guest: LabNode;
  const files = ['/etc/ufw/user.rules', '/etc/ufw/user6.rules'];
  let rulesBefore: string;

  const ufwRules = () => guest.must(['cat', ...files]);

  before(async () => {
    lab = await createLab();
    vm = await bootLabGuest(lab, 'ufw', interfacesFile);
    guest = vm.node;
    await guest.must(['ufw', '--force', 'enable']);
    rulesBefore = await ufwRules();
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    await guest.must(['dpkg', '--install', packageFile('controller', versions.old)], { env });
  });
  after(async () => {
    await vm?.close();
    await lab?.close();
  });

  it('ufw lets its doors in', async () => {
    const status = await poll('its doors in ufw', 30_000, async () => {
      const text = await guest.must(['ufw', 'status']);
      return text.includes('51820/udp') ? text : undefined;
    });
    expect(status).to.match(/^7700\/tcp +ALLOW +Anywhere +# homeward_relay$/m);
  });

  it('with the package goes what it was asked', async () => {
    await guest.must(['dpkg', '--remove', 'homeward-controller']);
    expect(await ufwRules()).to.equal(rulesBefore);
  });
});
