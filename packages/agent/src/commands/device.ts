/** `agent device`, and `--device` of the commands that enroll: which device of this machine leads to a relay. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { type IpAddress, parseIp } from '@homeward/shared/net/address';
import { parseLinkName } from '@homeward/shared/net/names';
import type { DocumentedCommand } from '@homeward/shared/terminal/manual/documented-command';
import { z } from 'zod';
import type { OwnersDevice } from '../store/state.js';
import type { CommandContext } from './context.js';

export interface DeviceOptions {
  readonly device?: string;
  readonly gateway?: string;
}

/** What the options say; null where none is given. Throws `bad-input`. */
export function parseDeviceOptions({ device, gateway }: DeviceOptions): OwnersDevice | null {
  if (device === undefined) {
    if (gateway === undefined) return null;
    throw new RelayError('bad-input', '--gateway belongs to a device', {
      hint: 'add --device, for example --device tun0',
    });
  }
  return { name: parseLinkName(device), gateway: gateway === undefined ? null : parseGateway(gateway) };
}

function parseGateway(text: string): IpAddress {
  try {
    return parseIp(text);
  } catch {
    throw new RelayError('bad-input', `--gateway "${text}" is not an IP address`, {
      hint: "write the relay's address on the device, for example --gateway 10.8.0.1",
    });
  }
}

const answerSchema = z.looseObject({ relay: z.string(), slot: z.number() });

export function addDeviceCommand(program: DocumentedCommand, context: () => CommandContext): void {
  program
    .command('device')
    .summary('say which device of this machine leads to a relay')
    .description(
      'For external tunnels (controller pair NAME --tunnel external): OpenVPN, ZeroTier, a VLAN or whatever else makes a network device. homeward makes nothing of it and changes nothing but how replies are routed; the device may go and come back.',
    )
    .argument('<device>', 'a network device, as in ip link')
    .argument('[relay]', 'name or slot, as in agent status; needed only where there are several')
    .option(
      '--gateway <address>',
      "the relay's address on a device that several machines share, where it is not the one it says itself",
    )
    .example('agent device tun0', 'the only relay is behind tun0')
    .example('agent device zt0 home --gateway 10.147.17.1', 'of several relays "home", by that address')
    .action(async (device: string, relay: string | undefined, { gateway }: DeviceOptions) => {
      const { console, call } = context();
      const chosen = parseDeviceOptions({ device, ...(gateway === undefined ? {} : { gateway }) });
      const answer = answerSchema.parse(await call('device', { relay: relay ?? null, device: chosen }));
      console.document(answer);
      console.line(`the relay in slot ${answer.slot} is reached by ${device}; see: agent status`);
    });
}
