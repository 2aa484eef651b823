/** Two backends of one relay: each has its own forwards, none takes the other's, and none reaches the other. */
import { expect } from 'chai';
import { endpoint } from '../support/endpoint.js';
import { controllerStatus, homeward, probe } from '../support/homeward.js';
import { createLab, type Lab } from '../support/lab.js';
import { pairUp } from '../support/pairing.js';
import { expectTcp, expectUdp } from '../support/real-client.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';
import { expectDone, expectRefused } from '../support/tidy.js';

/** The same service ports at both, on different ports of the relay. */
const backends = [
  { name: 'home', node: 'backend', tcp: 8001, udp: 5301 },
  { name: 'nas', node: 'backend2', tcp: 8002, udp: 5302 },
] as const;

type Place = (typeof backends)[number] & { readonly nginx: Service; readonly echo: Service };

const forwardsOf = ({ tcp, udp }: (typeof backends)[number]): string[] => [`${tcp}=80/tcp`, `${udp}=5300/udp`];

describe('two backends of one relay', () => {
  let lab: Lab;
  let places: Place[];

  before(async () => {
    lab = await createLab();
    places = await Promise.all(
      backends.map(async (place) => ({
        ...place,
        nginx: await startNginx(lab[place.node], 80, place.name),
        echo: await startUdpEcho(lab[place.node], 5300),
      })),
    );
    const [first, second] = backends;
    const { controller } = await pairUp(lab, { name: first.name, forwards: forwardsOf(first) });
    await pairUp(
      { relay: lab.relay, backend: lab[second.node] },
      { name: second.name, forwards: forwardsOf(second), controller },
    );
  });
  after(() => lab?.close());

  const controller = (...args: string[]) => homeward(lab.relay, 'controller', args);
  const tunnelAddress = async (name: string): Promise<string> => {
    const { backends: listed } = await controllerStatus(lab.relay);
    return listed.find((one) => one.name === name)?.tunnel?.backendAddress ?? '';
  };

  it('serve their own clients, who are seen by each', async () => {
    for (const { tcp, udp, nginx, echo } of places) {
      await expectTcp(lab, tcp, nginx);
      await expectUdp(lab, udp, echo);
    }
    const [home, nas] = places.map(({ nginx }) => new Set(nginx.seen()));
    expect([...(home ?? [])].filter((client) => nas?.has(client))).to.deep.equal([]);
  });

  it('are proven together, and one by one', async () => {
    const all = await probe(lab.relay);
    expect(all.exitCode, JSON.stringify(all.report)).to.equal(0);
    expect(new Set(all.report.results.map(({ backend, forward, ok }) => `${backend} ${forward} ${ok}`))).to.deep.equal(
      new Set(backends.flatMap((place) => forwardsOf(place).map((spec) => `${place.name} ${spec} true`))),
    );
    for (const { name } of backends) {
      const { exitCode, report } = await probe(lab.relay, [name]);
      expect(exitCode, JSON.stringify(report)).to.equal(0);
      expect(new Set(report.results.map(({ backend }) => backend))).to.deep.equal(new Set([name]));
    }
  });

  it('cannot take each other’s ports: the refusal names who has it', async () => {
    expectRefused(await controller('forward', 'add', 'nas', '8001/tcp'), 2, /"home".*8001=80\/tcp/);
    expectRefused(await controller('forward', 'add', 'home', '5302/udp'), 2, /"nas".*5302=5300\/udp/);
    expectRefused(await controller('forward', 'remove', 'nas', '8001=80/tcp'), 2, /"nas"/);
    expectDone(await controller('forward', 'add', 'nas', '8001/udp'));
    expectDone(await controller('forward', 'remove', 'nas', '8001/udp'));
  });

  it('cannot reach each other through the relay', async () => {
    const [own, other] = await Promise.all(backends.map(({ name }) => tunnelAddress(name)));
    const ask = (from: string, at: string) =>
      lab.backend.run(['curl', '-sS', '-m', '2', '--interface', from, `http://${endpoint(at, 80)}/`]);
    const seenBefore = places[1]?.nginx.seen().length;
    const refused = await ask(own ?? '', other ?? '');
    expect(refused.exitCode, `curl: it got ${refused.stdout}`).to.equal(28); // timed out
    expect(places[1]?.nginx.seen()).to.have.length(seenBefore ?? -1);
    expect((await ask(own ?? '', own ?? '')).stdout, 'the same question at home').to.equal('home');
  });

  it('go one by one: the other one’s forwards stay', async () => {
    expectDone(await controller('unpair', 'home'));
    const [, nas] = places;
    if (nas === undefined) throw new Error('there is no second backend');
    await expectTcp(lab, nas.tcp, nas.nginx);
    await expectUdp(lab, nas.udp, nas.echo);
    expectDone(await controller('forward', 'add', 'nas', '8001=80/tcp'));
    await expectTcp(lab, 8001, nas.nginx);
    const { exitCode, report } = await probe(lab.relay);
    expect(exitCode, JSON.stringify(report)).to.equal(0);
  });
});
