/** A relay in a cloud that maps its public address 1:1: the relay itself has a private address, and its IPv6 as it is. */
import { address, type Lab } from './lab.js';

/** What the relay's own link has instead of its public address. */
export const cloudAddress = '10.0.0.4';
const cloudGateway = '10.0.0.1';

const mapping = `table ip cloud {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    iifname != "relay" ip daddr ${address.relay} dnat to ${cloudAddress}
  }
  chain outside {
    type filter hook prerouting priority raw; policy accept;
    iifname != "relay" ip daddr 10.0.0.0/24 drop
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname != "relay" ip saddr ${cloudAddress} snat to ${address.relay}
  }
}
`;

/** Before homeward comes to the relay. */
export const moveRelayToCloud = async ({ relay, internet }: Pick<Lab, 'relay' | 'internet'>): Promise<void> => {
  await relay.must(['ip', '-batch', '-'], {
    input: [
      `address add ${cloudAddress}/24 dev eth0`,
      'address flush dev eth0 to 198.51.100.0/24',
      `route replace default via ${cloudGateway}`,
      '',
    ].join('\n'),
  });
  await internet.must(['ip', 'address', 'add', `${cloudGateway}/24`, 'dev', 'relay']);
  await internet.must(['nft', '-f', '-'], { input: mapping });
};
