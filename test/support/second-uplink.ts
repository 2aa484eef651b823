/** A second way from the backend to the internet, worse than the first: a mobile network with addresses of its own. */
import type { Lab } from './lab.js';

/** The backend's address there. */
export const mobileAddress = '198.51.104.2';
const mobileGateway = '198.51.104.1';

export const laySecondUplink = async ({ backend, internet }: Pick<Lab, 'backend' | 'internet'>): Promise<void> => {
  await backend.must(`ip link add mobile type veth peer name mobile netns ${internet.pid}`.split(' '));
  await internet.must(['ip', '-batch', '-'], {
    input: `link set mobile up\naddress add ${mobileGateway}/24 dev mobile\n`,
  });
  await backend.must(['ip', '-batch', '-'], {
    input: [
      'link set mobile up',
      `address add ${mobileAddress}/24 dev mobile`,
      `route add default via ${mobileGateway} metric 700`,
      '',
    ].join('\n'),
  });
};
