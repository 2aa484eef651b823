/** What the controller's manual explains apart from single commands: forward specs, files. */

import { packagedUnitPath, unitPath } from '@homeward/shared/service/plan';
import { RUN_DIRECTORY, stateDirectory } from '@homeward/shared/terminal/global-options';
import type { Topic } from '@homeward/shared/terminal/manual/topic';
import { DEFAULT_CONFIG_FILE } from '../config.js';

export const FORWARDS: Topic = {
  name: 'forwards',
  title: 'Forward specs',
  parts: [
    'A forward is a public port of the relay, or a range of them, delivered to a target at the backend:',
    { lines: ['[ADDRESS:]PUBLIC[=TARGET]/PROTO'] },
    'PROTO is tcp, udp or tcp+udp and always needed. ADDRESS is one of several public addresses of the relay. TARGET is a port of the backend, a host behind it, or both; without it, the same port of the backend.',
    {
      items: [
        { term: '443/tcp', says: 'port 443, TCP' },
        { term: '53/tcp+udp', says: 'port 53, TCP and UDP' },
        { term: '5000-6000/tcp', says: 'a range of ports' },
        { term: '2222=22/tcp', says: "port 2222 of the relay to the backend's port 22" },
        { term: '8000-8099=9000-9099/tcp', says: 'a range to another of the same length' },
        { term: '80=192.168.1.99:8080/tcp', says: 'to port 8080 of a host behind the backend' },
        { term: '80=[fd00::9]:8080/tcp', says: 'the same with an IPv6 address' },
        { term: '80=192.168.1.99/tcp', says: 'to the same port of a host behind the backend' },
        {
          term: '198.51.100.1:443/tcp',
          says: 'only at this address of the relay; it goes before a forward without address',
        },
        {
          term: 'all',
          says: 'every port and protocol that no other forward has, ping included; 198.51.100.1:all for one address',
        },
        { term: 'all-except-25/tcp,5000-6000/udp', says: 'the same without some ports, as --except 25/tcp makes it' },
      ],
    },
    'Clients of IPv4 and IPv6 alike are forwarded, each with its own address; a forward with an address, or to a host behind the backend, is for that family only.',
    "A forward never covers the relay's SSH, the control port or the tunnel's port. A port on which something of the relay listens is refused too, unless --take-over is given. What all leaves to the relay are these, every port on which something of it listens, DHCP, and what tunnels and routers say to each other: GRE, ESP, AH, IKE (500 and 4500/udp), IPv6 in IPv4, OSPF, VRRP, IGMP, and of ICMP everything but ping. Of the backend it does not mean SSH, unless its owner allows that. One backend can have all of an address; single forwards go before it, to other backends as well. A target behind the backend needs the backend owner's leave (agent help policy); where its gateway is another machine, controller probe prints what to type there.",
  ],
};

export const FILES: Topic = {
  name: 'files',
  title: 'Files',
  parts: [
    {
      items: [
        {
          term: DEFAULT_CONFIG_FILE,
          says: 'settings of the daemon, if there is one: the keys are listen, endpoints, wireguardPort, pool and repair, as the options of controller serve, which win',
        },
        {
          term: stateDirectory('controller'),
          says: "keys, pairings, what is known of the kernel's state and what guards of changes said; 0700, for root alone",
        },
        {
          term: `${stateDirectory('controller')}/controller-audit.jsonl`,
          says: 'the audit log, which controller audit shows: a JSON object a line; five files of 4 MiB at most',
        },
        { term: `${RUN_DIRECTORY}/controller.sock`, says: "the daemon's socket, for root alone" },
        {
          term: unitPath('controller'),
          says: "the unit that controller install writes, unless a package's says the same",
        },
        { term: packagedUnitPath('controller'), says: "the unit of Debian's package" },
      ],
    },
    `An example of ${DEFAULT_CONFIG_FILE}, for a relay behind a 1:1 NAT:`,
    { lines: ['{ "endpoints": ["relay.example.org"], "wireguardPort": 51820 }'] },
  ],
};

/** Variables that are no option's. */
export const VARIABLES = [
  {
    term: 'HOMEWARD_PASSPHRASE',
    says: 'the passphrase for controller export and import; --passphrase-file wins',
  },
] as const;
