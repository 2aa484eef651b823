/**
 * The lab with virtual machines for its relay and its first backend: they have a kernel, a disk and systemd of their
 * own, and can be switched off. Their cables end where the namespaces' did: a tap device at the internet, and one in the
 * bridge of the home. Everything else stays a namespace of this machine.
 */
import { address, address6, createLab, type Lab } from '../lab.js';
import type { LabNode } from '../lab-node.js';
import { ensureSystem } from './system.js';
import { createVm, type Vm } from './vm.js';

export interface VmLab extends Lab {
  readonly vms: { readonly relay: Vm; readonly backend: Vm };
}

const say = (line: string): void => {
  process.stdout.write(`  ${line}\n`);
};

/** interfaces(5). */
const interfaces = (ipv4: string, gateway4: string, ipv6: string, gateway6: string): string => `auto lo
iface lo inet loopback
auto eth0
iface eth0 inet static
  address ${ipv4}/24
  gateway ${gateway4}
iface eth0 inet6 static
  address ${ipv6}/64
  gateway ${gateway6}
  dad-attempts 0
`;

const seed = (...given: Parameters<typeof interfaces>): Record<string, string> => ({
  '/etc/network/interfaces': interfaces(...given),
});

/** Replaces a cable by a tap device of the same name at the same place. */
const plug = (at: LabNode, tap: string, settings: readonly string[]): Promise<string> =>
  at.must(['ip', '-batch', '-'], {
    input: [`link delete ${tap}`, `tuntap add ${tap} mode tap`, `link set ${tap} up`, ...settings, ''].join('\n'),
  });

/** Builds the lab and boots both. They go with the lab's namespaces if this process is interrupted. */
export const createVmLab = async (): Promise<VmLab> => {
  const system = await ensureSystem(say);
  const lab = await createLab();
  const made: Vm[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(made.map((vm) => vm.close()));
    await lab.close();
  };
  const make = async (name: string, host: LabNode, files: Record<string, string>): Promise<Vm> => {
    const vm = await createVm(system, { name, host, tap: name, memoryMb: 768, seed: files });
    made.push(vm);
    return vm;
  };
  try {
    await plug(lab.internet, 'relay', [
      'address add 198.51.100.254/24 dev relay',
      'address add 2001:db8:a::fe/64 dev relay',
    ]);
    await plug(lab.home, 'backend', ['link set backend master lan']);
    const relay = await make(
      'relay',
      lab.internet,
      seed(address.relay, '198.51.100.254', address6.relay, '2001:db8:a::fe'),
    );
    const backend = await make(
      'backend',
      lab.home,
      seed(address.backend, '192.168.1.1', address6.backend, '2001:db8:1::1'),
    );
    await Promise.all([relay.boot(), backend.boot()]);
    return { ...lab, relay: relay.node, backend: backend.node, vms: { relay, backend }, close };
  } catch (error) {
    await close();
    throw error;
  }
};
