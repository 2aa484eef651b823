/** The images as users build and run them, under a real Docker daemon: the demonstration, and two real machines. */
import { type Builder, createBuilder } from '../support/docker/builder.js';
import { describeDemonstration } from './demonstration.js';
import { describeRealMachines } from './real-machines.js';

describe('docker', () => {
  let builder: Builder;

  before(async function () {
    // The first time it makes the base images.
    this.timeout(600_000);
    builder = await createBuilder();
  });
  after(() => builder?.close());

  describeDemonstration(() => builder);
  describeRealMachines(() => builder);
});
