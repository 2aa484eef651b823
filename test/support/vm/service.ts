/** The daemons' services, as systemd in a guest tells of them. */
import type { Program } from '../homeward.js';
import type { LabNode } from '../lab-node.js';
import { poll } from '../poll.js';

export interface ServiceProperties {
  readonly ActiveState: string;
  readonly UnitFileState: string;
  readonly Type: string;
  readonly FragmentPath: string;
  readonly StatusText: string;
  readonly Result: string;
  readonly MainPID: string;
  readonly NRestarts: string;
}

export const unitOf = (program: Program): string => `homeward-${program}.service`;

const names = ['ActiveState', 'UnitFileState', 'Type', 'FragmentPath', 'StatusText', 'Result', 'MainPID', 'NRestarts'];

export const service = async (guest: LabNode, program: Program): Promise<ServiceProperties> => {
  const text = await guest.must(['systemctl', 'show', `--property=${names.join(',')}`, unitOf(program)]);
  const found = new Map(text.split('\n').map((line) => [line.replace(/=.*/, ''), line.replace(/^[^=]*=/, '')]));
  return Object.fromEntries(names.map((name) => [name, found.get(name) ?? ''])) as unknown as ServiceProperties;
};

/** Waits until the service is active with another process than the one given. */
export const untilActiveAnew = (guest: LabNode, program: Program, formerPid: string): Promise<ServiceProperties> =>
  poll(`another process of ${unitOf(program)}`, 90_000, async () => {
    const now = await service(guest, program);
    return now.ActiveState === 'active' && now.MainPID !== formerPid ? now : undefined;
  });

/** What `systemd-analyze security` says: the overall exposure, 0 to 10, and its words. */
export const exposure = async (guest: LabNode, program: Program): Promise<{ level: number; told: string }> => {
  const table = await guest.must(['systemd-analyze', 'security', '--no-pager', unitOf(program)]);
  const told = table.split('\n').find((line) => line.includes('Overall exposure level')) ?? table;
  return { level: Number(/: ([\d.]+) /.exec(told)?.[1] ?? Number.NaN), told };
};

/** The units in which guards of the controller's changes stand by. */
export const guardUnits = async (guest: LabNode): Promise<string[]> => {
  const list = ['systemctl', 'list-units', '--plain', '--no-legend', '--state=active', 'homeward-controller-guard-*'];
  return (await guest.must(list)).split('\n').filter((line) => line !== '');
};
