/** A lab whose relay and backend are behind a firewall of the same kind: services, what was shut, and how all was before. */
import { expect } from 'chai';
import { homeward } from '../homeward.js';
import { address, createLab, type Lab } from '../lab.js';
import type { LabNode } from '../lab-node.js';
import { pairUp } from '../pairing.js';
import { expectTcp, expectUdp } from '../real-client.js';
import { script } from '../scripts.js';
import { type Service, startNginx, startUdpEcho } from '../services.js';
import { snapshot } from '../snapshot.js';
import { expectDone, expectUnchanged } from '../tidy.js';

export interface FirewallKind {
  /** Starts it on a machine: it lets nothing in but SSH. */
  start(node: LabNode): Promise<void>;
  /** Its own files, by name. */
  files(node: LabNode): Record<string, string>;
  /** What curl ends with when nobody lets it in, and how long that may take, seconds. */
  readonly curl: { readonly exitCode: number; readonly seconds: number };
}

export interface FirewallStage {
  readonly lab: Lab;
  /** At the backend, forwarded from the relay's port 80. */
  readonly nginx: Service;
  machines(): LabNode[];
  /** Pairs for a service here, one of a host behind the backend, UDP and a talk. */
  pair(): Promise<void>;
  /** Its own doors: a service of the relay's own, and the forwarded service for whoever comes another way. */
  expectDropping(): Promise<void>;
  /** Real addresses at each service, and what was shut is shut. */
  expectReal(): Promise<void>;
  /** `down` at both ends, and the machines and their firewalls' files are as they were found. */
  expectRemoved(): Promise<void>;
}

/** Ports of the traffic that `startTraffic` can go by. */
export const talk = { udp: 5300, tcp: 7000 } as const;

/** `prepare` is what the owner of the machines does with the firewall before homeward comes. */
export const createFirewallStage = async (
  { start, files, curl }: FirewallKind,
  prepare: (lab: Lab) => Promise<unknown> = async () => undefined,
): Promise<FirewallStage> => {
  const lab = await createLab();
  try {
    const machines = (): LabNode[] => [lab.relay, lab.backend];
    const [nginx, behind, echo] = await Promise.all([
      startNginx(lab.backend, 80),
      startNginx(lab.lan, 8080),
      startUdpEcho(lab.backend, talk.udp),
      startNginx(lab.relay, 8081),
    ]);
    lab.backend.spawn(script('services/tcp-echo', String(talk.tcp)));
    await Promise.all(machines().map(start));
    await prepare(lab);
    const untouched = await Promise.all(
      machines().map(async (machine) => ({ machine, kernel: await snapshot(machine), files: files(machine) })),
    );
    const expectShut = async (node: LabNode, url: string): Promise<void> => {
      const limit = ['--connect-timeout', String(curl.seconds)];
      const { exitCode, stdout } = await node.run(['curl', '--silent', ...limit, url]);
      expect(exitCode, `${node.name} from ${url}: ${stdout}`).to.equal(curl.exitCode);
    };
    const expectDropping = async (): Promise<void> => {
      await expectShut(lab.client, `http://${address.relay}:8081/`);
      await expectShut(lab.lan, `http://${address.backend}/`);
    };
    return {
      lab,
      nginx,
      machines,
      pair: async () => {
        await pairUp(lab, {
          forwards: ['80/tcp', '8080=192.168.1.99:8080/tcp', `${talk.udp}/udp`, `${talk.tcp}/tcp`],
          enrollArgs: ['--allow-lan', '192.168.1.0/24'],
        });
      },
      expectDropping,
      expectReal: async () => {
        await expectTcp(lab, 80, nginx);
        await expectTcp(lab, 8080, behind);
        await expectUdp(lab, talk.udp, echo);
        await expectDropping();
      },
      expectRemoved: async () => {
        expectDone(await homeward(lab.relay, 'controller', ['down']));
        expectDone(await homeward(lab.backend, 'agent', ['down']));
        for (const { machine, kernel, files: before } of untouched) {
          expect(files(machine)).to.deep.equal(before);
          await expectUnchanged(machine, kernel);
        }
        await expectDropping();
      },
    };
  } catch (error) {
    await lab.close();
    throw error;
  }
};
