/** The packages under test, built by `npm run package`'s own program into a guest's share, in two versions. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import type { Program } from '../homeward.js';
import type { LabNode } from '../lab-node.js';
import { guestNode, repository, shares } from './places.js';

const place = `${shares.share.guest}/packages`;

/** Debian's path of node, which the packaged units name, by its other name: /usr/bin/node may be ours, and be told as the guest's. */
const debianNode = '/bin/node';

/** The later version has the same programs: what counts is that dpkg replaces them. */
export const versions = { old: '0.1.0', new: '0.1.1' } as const;

/** The path in the guest. */
export const packageFile = (side: Program, version: string): string => `${place}/homeward-${side}_${version}_all.deb`;

const standIn = `Package: nodejs
Version: ${process.versions.node}
Architecture: all
Maintainer: nobody <nobody@homeward.invalid>
Description: stands for the Node that runs the tests
`;

const buildStandIn = async (target: string): Promise<void> => {
  const work = await mkdtemp(join(tmpdir(), 'homeward-nodejs-'));
  try {
    await mkdir(join(work, 'DEBIAN'));
    await writeFile(join(work, 'DEBIAN/control'), standIn);
    await execa('dpkg-deb', ['--root-owner-group', '--build', work, target]);
  } finally {
    await rm(work, { recursive: true });
  }
};

/** The same package under the later version's number. */
const buildLater = async (out: string, side: Program): Promise<void> => {
  const work = await mkdtemp(join(tmpdir(), 'homeward-later-'));
  const fileOf = (version: string): string => join(out, basename(packageFile(side, version)));
  try {
    await execa('dpkg-deb', ['--raw-extract', fileOf(versions.old), work]);
    const control = join(work, 'DEBIAN/control');
    const text = await readFile(control, 'utf8');
    await writeFile(control, text.replace(`\nVersion: ${versions.old}\n`, `\nVersion: ${versions.new}\n`));
    await execa('dpkg-deb', ['--root-owner-group', '-Zgzip', '--build', work, fileOf(versions.new)]);
  } finally {
    await rm(work, { recursive: true });
  }
};

/** Builds both sides' packages in both versions into the guest's share. */
export const buildPackages = async (guest: LabNode): Promise<void> => {
  const out = guest.file(place);
  await mkdir(out, { recursive: true });
  const script = `${repository}/packages/shared/packaging/package.mjs`;
  await execa(process.execPath, [script, '--out', out, '--version', versions.old], {
    cwd: repository,
    env: { SOURCE_DATE_EPOCH: '1700000000' },
  });
  await Promise.all((['controller', 'agent'] as const).map((side) => buildLater(out, side)));
  await buildStandIn(join(out, 'nodejs.deb'));
};

/** Gives the guest a package `nodejs`: the tests' own Node, at the path where Debian's would be. */
export const installNode = async (guest: LabNode): Promise<void> => {
  await guest.must(['dpkg', '--install', `${place}/nodejs.deb`]);
  // Not a link: a program is known by its own path, and the unit names Debian's.
  await guest.must(['rm', '-f', debianNode]);
  await guest.must(['touch', debianNode]);
  await guest.must(['mount', '--bind', guestNode, debianNode]);
};
