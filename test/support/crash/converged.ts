/** Asserts that a lab has come back from a crash: everything proven, nothing to do, nothing left over. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { expect } from 'chai';
import { homeward, type Program, probe, stateDirectory } from '../homeward.js';
import type { Lab } from '../lab.js';
import { membersOf } from '../lab-mark.js';
import type { LabNode } from '../lab-node.js';
import { poll } from '../poll.js';

/** A session that was lost comes back within the agent's longest pause, 30 s. */
const limitMs = 45_000;

/** What homeward starts, by words of its command line. */
const ownProcesses = ['nft monitor', 'ip monitor', 'wireguard-go', 'synthetic-client', 'nft -f', 'ip -batch', 'flock'];

/** Links, tables and processes of a machine that could be left over, counted by name. */
export const belongings = async (lab: Lab, node: LabNode): Promise<Record<string, number>> => {
  const links = await node.json<{ ifname: string }[]>(['ip', '-j', 'link']);
  const tables = await node.must(['nft', 'list', 'tables']);
  const namespace = readlinkSync(`/proc/${node.pid}/ns/net`);
  const processes = membersOf(lab.name).flatMap((pid) => commandOf(pid, namespace) ?? []);
  const names = [...links.map(({ ifname }) => `link ${ifname}`), ...tables.split('\n').filter(Boolean), ...processes];
  const counts: Record<string, number> = {};
  for (const name of names.sort()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};

/** The kind of a process that homeward starts, in a namespace of its own or of the machine; undefined for all others. */
const commandOf = (pid: number, namespace: string): string | undefined => {
  try {
    const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    const kind = ownProcesses.find((words) => argv.includes(words));
    if (kind === 'synthetic-client') return kind;
    return readlinkSync(`/proc/${pid}/ns/net`) === namespace ? kind : undefined;
  } catch {
    return undefined; // gone meanwhile
  }
};

export const expectPlanEmpty = async (node: LabNode, program: Program): Promise<true> => {
  const { stdout, stderr, exitCode } = await homeward(node, program, ['plan', '--json']);
  expect(exitCode, stderr).to.equal(0);
  expect((JSON.parse(stdout) as { changes: string[] }).changes, `plan at ${node.name}`).to.deep.equal([]);
  return true;
};

const expectNothingUnfinished = (node: LabNode, program: Program): void => {
  const files = readdirSync(node.file(`${stateDirectory}/${program}`));
  expect(files.filter((name) => /\.new$/.test(name))).to.deep.equal([]);
  const memory = readdirSync(node.file('/dev/shm'));
  expect(memory.filter((name) => name.startsWith('homeward'))).to.deep.equal([]);
};

/** Both ends: proven, as desired, with nothing beside what they had before. */
export const expectConverged = async (
  lab: Lab,
  before: Readonly<Record<Program, Record<string, number>>>,
): Promise<void> => {
  await poll('a green probe', limitMs, async () => {
    const { exitCode, report, stderr } = await probe(lab.relay, ['home']);
    if (exitCode !== 0) throw new Error(`${stderr}${JSON.stringify(report.results?.filter(({ ok }) => !ok))}`);
    return true;
  });
  await Promise.all([expectTidy(lab, lab.relay, 'controller', before), expectTidy(lab, lab.backend, 'agent', before)]);
};

const expectTidy = async (
  lab: Lab,
  node: LabNode,
  program: Program,
  before: Readonly<Record<Program, Record<string, number>>>,
): Promise<void> => {
  await poll(`an empty plan at ${node.name}`, 10_000, () => expectPlanEmpty(node, program));
  await poll(`nothing left over at ${node.name}`, 10_000, async () => {
    const found = await belongings(lab, node);
    expect(found, JSON.stringify(found)).to.deep.equal(before[program]);
    return true;
  });
  expectNothingUnfinished(node, program);
};
