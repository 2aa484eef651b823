/** A second way from the backend to the internet, worse than the first: a mobile network with addresses of its own. */
import type { Lab } from './lab.js';

/** At the backend: its link, its address there, and the next machine. */
export const secondUplink = { link: 'mobile', address: '198.51.104.2', gateway: '198.51.104.1' } as const;

export const laySecondUplink = async ({ backend, internet }: Pick<Lab, 'backend' | 'internet'>): Promise<void> => {
  const { link, address, gateway } = secondUplink;
  await backend.must(`ip link add ${link} type veth peer name ${link} netns ${internet.pid}`.split(' '));
  await internet.must(['ip', '-batch', '-'], {
    input: `link set ${link} up\naddress add ${gateway}/24 dev ${link}\n`,
  });
  await backend.must(['ip', '-batch', '-'], {
    input: [
      `link set ${link} up`,
      `address add ${address}/24 dev ${link}`,
      `route add default via ${gateway} metric 700`,
      '',
    ].join('\n'),
  });
};
