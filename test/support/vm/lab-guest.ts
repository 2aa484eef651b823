/** A virtual machine at the lab's internet, by a network of its own, with the packages under test in its share. */
import type { Lab } from '../lab.js';
import type { LabNode } from '../lab-node.js';
import { poll } from '../poll.js';
import { buildPackages, installNode } from './debian-packages.js';
import { ensureSystem } from './system.js';
import { createVm, type Vm } from './vm.js';

export const labGuest = { address: '198.51.103.1', gateway: '198.51.103.254' } as const;

const tap = 'guest';

/** interfaces(5) of its network; whoever brings it up otherwise seeds other files. */
export const interfacesFile: Readonly<Record<string, string>> = {
  '/etc/network/interfaces': `auto lo
iface lo inet loopback
auto eth0
iface eth0 inet static
  address ${labGuest.address}/24
  gateway ${labGuest.gateway}
`,
};

/** Booted, with a package `nodejs`; whoever asked for it closes it. */
export const bootLabGuest = async (lab: Lab, name: string, seed: Readonly<Record<string, string>>): Promise<Vm> => {
  const lines = [
    `tuntap add dev ${tap} mode tap`,
    `link set ${tap} up`,
    `address add ${labGuest.gateway}/24 dev ${tap}`,
  ];
  await lab.internet.must(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
  const vm = await createVm(await ensureSystem(() => undefined), {
    ...{ name, memoryMb: 1024, host: lab.internet, tap, seed },
  });
  try {
    await buildPackages(vm.node);
    await vm.boot();
    await installNode(vm.node);
    return vm;
  } catch (error) {
    await vm.close();
    throw error;
  }
};

/** Its network is up, and the kernel as it stays: what a snapshot may be compared with. */
export const settle = async (guest: LabNode): Promise<void> => {
  await poll("the guest's network", 30_000, async () => {
    const [route, own] = await Promise.all([
      guest.must(['ip', 'route', 'show', 'default']),
      // It comes once there is a carrier, and is nobody else's.
      guest.must('ip -o -6 address show dev eth0 scope link -tentative'.split(' ')),
    ]);
    return route !== '' && own !== '' ? true : undefined;
  });
  // What the kernel brings by itself, and keeps: conntrack's settings with its module, and no redirects anywhere once a
  // WireGuard device is up (wg_open in drivers/net/wireguard/device.c).
  await guest.must(['modprobe', 'nf_conntrack']);
  await guest.must(['sysctl', '-q', 'net.ipv4.conf.all.send_redirects=0']);
};
