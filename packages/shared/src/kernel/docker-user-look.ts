/** Looks whether Docker's chain for the rules of others is there, and what is in it. */

import type { Runner } from '../host/runner.js';
import type { Family } from '../net/address.js';
import { answerOf } from './answer.js';
import { type DockerUser, dockerUserList, NO_DOCKER, parseDockerUser } from './docker-user.js';

/** Docker's default bridge, and those of its networks. Where there is none its iptables is not asked: the old kind of it would load modules. */
function isDockerBridge(link: string): boolean {
  return link === 'docker0' || /^br-[0-9a-f]{12}$/.test(link);
}

/** `links` are the names of the machine's links. */
export async function lookAtDockerUser(runner: Runner, links: readonly string[]): Promise<DockerUser> {
  if (!links.some(isDockerBridge)) return NO_DOCKER;
  const [ipv4, ipv6] = await Promise.all([listDockerUser(runner, 'ipv4'), listDockerUser(runner, 'ipv6')]);
  return { ipv4, ipv6 };
}

/** Null where there is no such chain, or none that can be asked for. */
export async function listDockerUser(runner: Runner, family: Family): Promise<string[] | null> {
  const listing = await answerOf(runner, dockerUserList(family));
  return listing === null ? null : parseDockerUser(listing);
}
