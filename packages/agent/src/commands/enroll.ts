/** `agent enroll`: trades a token for a pairing; a running daemon does it itself, else it is stored for the daemon to come. */

import { RelayError, toRelayError } from '@homeward/shared/errors/relay-error';
import { openStore } from '@homeward/shared/host/store';
import { needsSystemdUnit } from '@homeward/shared/host/systemd';
import { takeLocks } from '@homeward/shared/local/instance-lock';
import type { Secret } from '@homeward/shared/net/secret';
import { unitName } from '@homeward/shared/service/unit';
import { parseToken } from '@homeward/shared/session/token';
import { audited } from '@homeward/shared/terminal/audit-command';
import { collect } from '@homeward/shared/terminal/collect';
import { parseDuration } from '@homeward/shared/terminal/duration';
import type { DocumentedCommand } from '@homeward/shared/terminal/manual/documented-command';
import { requirePrograms, requireRoot } from '@homeward/shared/terminal/preflight';
import { installService, type ServiceContext } from '@homeward/shared/terminal/service-commands';
import type { Command } from 'commander';
import { z } from 'zod';
import { lookAtClaims } from '../operations/claims.js';
import { enroll, firstState } from '../operations/enroll.js';
import { allowInPolicy } from '../policy-file.js';
import type { OwnersDevice } from '../store/state.js';
import type { CommandContext } from './context.js';
import { parseDeviceOptions } from './device.js';
import { refuseTokenArgument, tokenFromFileOrEnvironment, tokenFromStdin } from './token-source.js';

interface EnrollOptions {
  readonly tokenFile?: string;
  readonly timeout: string;
  readonly device?: string;
  readonly gateway?: string;
  readonly allow?: string[];
  readonly allowLan?: string[];
  readonly service: boolean;
}

const enrollmentSchema = z.looseObject({
  name: z.string(),
  slot: z.number(),
  url: z.string(),
  fingerprint: z.string(),
});

export function addEnrollCommand(
  program: DocumentedCommand,
  context: () => CommandContext,
  service: () => ServiceContext,
): void {
  program
    .command('enroll')
    .summary('pair this backend with a relay, by its token')
    .description(
      'Reads the token from stdin (asks on a terminal), from --token-file or from HOMEWARD_TOKEN; exchanges keys and stores the pairing. A refused token changes nothing.\nThen a running daemon sets the tunnel up. Without one, the service homeward-agent.service is installed and started where systemd runs; elsewhere agent run is to be started.',
    )
    // Not declared, since help would show it: a token as argument is refused with the right way.
    .allowExcessArguments()
    .option('--token-file <file>', 'read the token from this file')
    .option('--timeout <time>', 'how long an unreachable relay is tried: 90s, 5m', '2m')
    .option('--device <device>', 'for an external tunnel: the device of this machine that leads to the relay')
    .option('--gateway <address>', "the relay's address on a device that several machines share")
    .option('--allow <port>', 'allow this port in the policy, such as 22/tcp', collect)
    .option('--allow-lan <prefix>', 'allow these hosts behind this backend, such as 192.168.1.0/24', collect)
    .option('--no-service', 'only enroll: neither install nor start the service')
    .example('agent enroll', 'paste the token when asked')
    .example('agent enroll --token-file token --allow 22/tcp', 'for scripts; and let the relay forward to SSH')
    .example('agent enroll --device tun0', 'over a VPN that is there already (pair NAME --tunnel external)')
    .action((options: EnrollOptions, command: Command) => runEnroll(context(), service, command.args, options));
}

async function runEnroll(
  context: CommandContext,
  service: () => ServiceContext,
  given: string[],
  options: EnrollOptions,
): Promise<void> {
  refuseTokenArgument(given);
  const timeoutMs = parseDuration(options.timeout, '--timeout');
  const device = parseDeviceOptions(options);
  requireRoot(context.uid, 'agent enroll');
  const token = (await tokenFromFileOrEnvironment(options.tokenFile)) ?? (await tokenFromStdin(context.interrupt));
  parseToken(token.reveal());
  const disallow = await allowInPolicy(context.policyFile, options.allow ?? [], options.allowLan ?? []);
  const { enrollment, daemon } = await enrollSomewhere(context, token, timeoutMs, device).catch(
    async (error: unknown) => {
      // A refused token changes nothing.
      await disallow();
      throw error;
    },
  );
  const { console } = context;
  console.line(`enrolled as "${enrollment.name}" at ${enrollment.url}`);
  console.line(`key ${enrollment.fingerprint} (the relay prints the same)`);
  if (!daemon && options.service && (await needsSystemdUnit())) {
    await startService(service(), (active) => console.document({ ...enrollment, daemon, service: active }));
    return console.line(`${unitName('agent')} is active, now and at every boot, and sets up the tunnel`);
  }
  console.document({ ...enrollment, daemon, service: false });
  if (daemon) return console.line('the running agent sets up the tunnel now');
  console.line(options.service ? 'now start it: agent run' : 'now start it: agent install, or agent run');
}

/** The token is used up by now: a service that does not start does not undo the enrollment. */
async function startService(context: ServiceContext, tell: (active: boolean) => void): Promise<void> {
  try {
    await installService(context);
  } catch (error) {
    tell(false);
    const { code, message, hint } = toRelayError(error);
    throw new RelayError(code, `enrolled, but the service could not be started: ${message}`, {
      hint: [hint, 'then: agent install'].filter((part) => part !== undefined).join('; '),
      cause: error,
    });
  }
  tell(true);
}

async function enrollSomewhere(
  context: CommandContext,
  token: Secret,
  timeoutMs: number,
  device: OwnersDevice | null,
): Promise<{ enrollment: z.infer<typeof enrollmentSchema>; daemon: boolean }> {
  try {
    const answer = await context.call('enroll', { token: token.reveal(), timeoutMs, device });
    return { enrollment: enrollmentSchema.parse(answer), daemon: true };
  } catch (error) {
    if (!(error instanceof RelayError) || error.code !== 'no-daemon') throw error;
  }
  const { side, runner, interrupt } = context;
  await requirePrograms(runner);
  await side.prepare();
  // No daemon may start meanwhile: each would overwrite what the other stored.
  const lock = await takeLocks('agent', side);
  try {
    const store = await openStore(side.stateFile, async () => firstState());
    const claims = await lookAtClaims(runner);
    const enrollment = await audited(side.auditPath, (audit) =>
      enroll(store, token, timeoutMs, claims, device, audit, interrupt),
    );
    return { enrollment: { ...enrollment }, daemon: false };
  } finally {
    await lock.release();
  }
}
