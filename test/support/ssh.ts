/** An operator's SSH: a real sshd on a machine of the lab, and sessions to it that go on while a test changes something. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import type { LabNode } from './lab-node.js';
import { poll } from './poll.js';
import type { Running } from './running.js';

const directory = '/run/ssh-lab';
const key = `${directory}/key`;

const sshdConfig = `
Port 22
HostKey ${directory}/host
AuthorizedKeysFile ${directory}/authorized
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
LogLevel VERBOSE
`;

const clientOptions = [
  ...['-F', 'none', '-i', key, '-T', '-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR'],
  ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'ConnectTimeout=10'],
];

/** Root without a password may be locked on the machine that runs the tests (shadow(5)); not so at this one. */
const unlockRoot = async (node: LabNode): Promise<void> => {
  const unlocked = readFileSync('/etc/shadow', 'utf8').replace(/^root:[^:]*:/m, 'root:*:');
  writeFileSync(node.file(`${directory}/shadow`), unlocked, { mode: 0o600 });
  await node.must(['mount', '--bind', `${directory}/shadow`, '/etc/shadow']);
};

/** Starts sshd on port 22 of `node`; `operator` may log in as root. */
export const startSshd = async (node: LabNode, operator: LabNode): Promise<Running> => {
  for (const each of [node, operator]) mkdirSync(each.file(directory), { recursive: true, mode: 0o700 });
  await Promise.all([
    node.must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', `${directory}/host`]),
    operator.must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key]),
  ]);
  copyFileSync(operator.file(`${key}.pub`), node.file(`${directory}/authorized`));
  writeFileSync(node.file(`${directory}/sshd_config`), sshdConfig);
  // Where sshd's unprivileged part lives; Debian's unit makes it.
  mkdirSync(node.file('/run/sshd'), { recursive: true, mode: 0o755 });
  await unlockRoot(node);
  const sshd = node.spawn(['/usr/sbin/sshd', '-D', '-e', '-f', `${directory}/sshd_config`]);
  await sshd.prints(/Server listening on 0\.0\.0\.0 port 22/);
  return sshd;
};

export interface SshSession {
  /** Types a line and reads it back, through the session that was opened at the beginning. */
  expectUsable(): Promise<void>;
}

/** Opens a session and keeps it: `cat`, which says what it hears. */
export const openSession = async (operator: LabNode, host: string): Promise<SshSession> => {
  const session = operator.spawn(['ssh', ...clientOptions, `root@${host}`, 'cat'], { interactive: true });
  let lines = 0;
  const expectUsable = async (): Promise<void> => {
    lines += 1;
    const line = `line ${lines} to ${host}`;
    session.type(`${line}\n`);
    await poll(`the answer of ${session.command}`, 10_000, () => {
      if (!session.alive()) throw new Error(`the session has ended: ${session.stderr()}`);
      return session.stdout().split('\n').includes(line) ? true : undefined;
    });
  };
  await expectUsable();
  return { expectUsable };
};

/** Somebody can log in anew. */
export const expectLogin = async (operator: LabNode, host: string): Promise<void> => {
  const { stdout, stderr } = await operator.run(['ssh', ...clientOptions, `root@${host}`, 'echo', 'logged', 'in'], {
    timeoutMs: 20_000,
  });
  expect(stdout, stderr).to.equal('logged in');
};
