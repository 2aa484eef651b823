/** Containers with a service of the lab in them: they see the programs of this machine, and of everything else their own. */
import { fileURLToPath } from 'node:url';
import type { Place } from '../services.js';
import type { Engine } from './engine.js';

const image = 'nothing';
const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** What the services of the lab read; the machine's /run is where they write. */
const readOnly = ['/bin', '/etc', '/lib', '/lib64', '/usr', root];

/** Gives the engine the image of the containers, which has nothing in it. */
export const prepareContainers = async (engine: Engine): Promise<void> => {
  await engine.node.must(['mkdir', '/run/empty']);
  await engine.node.must(['tar', '--create', '--file', '/run/nothing.tar', '--directory', '/run/empty', '.']);
  await engine.docker(['import', '/run/nothing.tar', image]);
};

export interface ContainerOptions {
  readonly name: string;
  /** As `docker run --publish` takes it. */
  readonly publish: readonly string[];
  /** Docker's default bridge if none is named. */
  readonly network?: string;
}

/** A new container for one service. */
export const inContainer =
  ({ name, publish, network }: ContainerOptions): Place =>
  (command) => [
    ...['docker', 'run', '--interactive', '--name', name],
    ...(network === undefined ? [] : ['--network', network]),
    ...publish.flatMap((port) => ['--publish', port]),
    ...readOnly.flatMap((path) => ['--volume', `${path}:${path}:ro`]),
    ...['--volume', '/run:/run', image],
    ...command,
  ];
