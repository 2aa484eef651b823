/** A machine with nothing but Docker, where the images are built as a user builds them. */
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endMembers, labName, removeLab, sweepDeadLabs } from '../lab-mark.js';
import { createNode } from '../lab-node.js';
import { prepareBaseImages } from './base-images.js';
import { type Engine, startEngine } from './engine.js';

export interface Builder {
  readonly engine: Engine;
  /** Copies images into another engine. */
  give(images: readonly string[], other: Engine): Promise<void>;
  close(): Promise<void>;
}

/** Starts it and gives it the images that docker/Dockerfile begins with. */
export const createBuilder = async (): Promise<Builder> => {
  await sweepDeadLabs();
  const lab = labName(randomInt(1_000_000));
  const atExit = (): void => endMembers(lab);
  process.on('exit', atExit);
  let engine: Engine | undefined;
  const close = async (): Promise<void> => {
    await engine?.close();
    await removeLab(lab);
    process.off('exit', atExit);
  };
  try {
    const bases = await prepareBaseImages();
    const node = await createNode(lab, 'docker');
    engine = await startEngine(lab, node);
    await engine.docker(['import', bases.debian.tar, bases.debian.name]);
    await engine.docker(['build', '--network', 'none', '--tag', bases.node.name, bases.node.context]);
    return { engine, give: (images, other) => give(engine as Engine, images, other), close };
  } catch (error) {
    await close();
    throw error;
  }
};

const give = async (from: Engine, images: readonly string[], to: Engine): Promise<void> => {
  const directory = await mkdtemp(join(tmpdir(), 'homeward-images-'));
  try {
    const file = join(directory, 'images.tar');
    await from.docker(['save', '--output', file, ...images]);
    await to.docker(['load', '--input', file]);
  } finally {
    await rm(directory, { recursive: true });
  }
};
