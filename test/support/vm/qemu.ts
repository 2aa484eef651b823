/**
 * QEMU's command line for a guest (qemu(1)). Emulated, without KVM: so it runs, and takes as long, everywhere. (Some hosts'
 * KVM, made without the processor's own virtualization, emulates each instruction of a stock kernel besides.)
 */
import { portName } from './door-messages.js';
import { shares } from './places.js';
import type { System } from './system.js';

export interface Hardware {
  readonly name: string;
  readonly memoryMb: number;
  /** The host's tap device of eth0; none: no network. */
  readonly tap?: string;
}

export interface Files {
  /** The layer on the system's disk that keeps what this guest writes. */
  readonly disk: string;
  readonly share: string;
  readonly door: string;
  readonly console: string;
  readonly journal: string;
}

/** A comma ends an option's value unless it is doubled. */
const value = (path: string): string => path.replaceAll(',', ',,');

/** Modules of hardware that no test touches: udev would load them at every boot, emulated for ten seconds and more. */
const withoutModules = [
  ...['libata', 'scsi_mod', 'i2c_piix4', 'psmouse', 'serio_raw', 'evdev', 'joydev', 'pcspkr', 'floppy', 'parport'],
  ...['qemu_fw_cfg', 'button', 'dm_mod', 'drm', 'configfs', 'efi_pstore', 'crct10dif_pclmul', 'aesni_intel'],
  ...['kvm', 'kvm_amd', 'ccp', 'irqbypass', 'scsi_common'],
];

const kernelCommandLine = [
  'console=ttyS0 loglevel=5 systemd.show_status=no', // what went wrong, to the serial console
  'panic=-1', // ends QEMU
  'net.ifnames=0', // links keep the names that the lab's have
  // Time that the timers' self-tests lose on a busy host is no fault of the timers.
  'no_timer_check tsc=reliable',
  // What has been translated for one process is of use for the next one only at the same addresses.
  'norandmaps',
  'mitigations=off edd=off cryptomgr.notests 8250.nr_uarts=1', // costs time, and nothing here is tested by it
  `module_blacklist=${withoutModules.join(',')}`,
].join(' ');

const share = (tag: string, path: string, isReadOnly: boolean): string[] => [
  '-virtfs',
  `local,path=${value(path)},mount_tag=${tag},security_model=none,multidevs=remap${isReadOnly ? ',readonly=on' : ''}`,
];

const network = (name: string, tap: string): string[] => {
  // A locally administered address made of the name, so that machines on one link differ.
  const bytes = [...Buffer.from(name.padEnd(5, '\0').slice(-5))];
  const mac = [0x52, ...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  return [
    ...['-netdev', `tap,id=eth0,ifname=${tap},script=no,downscript=no`],
    ...['-device', `virtio-net-pci,netdev=eth0,mac=${mac},romfile=`],
  ];
};

/**
 * A guest's clock goes on by a nanosecond with each instruction, and with the host's clock while there is nothing to do: so
 * it has the time limits of the programs under test on a machine of a thousand million instructions a second, however
 * long the host takes to emulate them. Instructions are counted with one processor only.
 */
const clock = ['-accel', 'tcg,thread=single', '-icount', 'shift=0,sleep=on'];

export const qemu = (system: System, { name, memoryMb, tap }: Hardware, files: Files): string[] => [
  'qemu-system-x86_64',
  ...['-name', name, '-cpu', 'qemu64,+rdrand', '-smp', '1', '-m', String(memoryMb), ...clock],
  // A guest that reboots ends QEMU; the next boot is another process.
  ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
  ...['-kernel', system.kernel, '-initrd', system.initramfs, '-append', kernelCommandLine],
  // What the guest has written survives QEMU's end in any case; the host's own crash needs no care.
  ...['-drive', `file=${value(files.disk)},if=virtio,format=qcow2,cache=unsafe`],
  ...Object.entries(shares).flatMap(([tag, { host, isReadOnly }]) => share(tag, host ?? files.share, isReadOnly)),
  ...['-serial', `file:${files.console}`, '-device', 'virtio-serial-pci'],
  ...['-chardev', `file,id=journal,path=${value(files.journal)}`, '-device', 'virtconsole,chardev=journal'],
  ...['-chardev', `socket,id=door,path=${value(files.door)}`],
  ...['-device', `virtserialport,chardev=door,name=${portName}`],
  ...(tap === undefined ? [] : network(name, tap)),
];
