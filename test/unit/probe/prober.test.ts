/** The prober on a model of the network: what is probed in which rounds, and whose proof a fault spoils. */

import type { ProbeJob, ProbeReply } from '@homeward/controller/probe/job';
import type { ProbeTarget } from '@homeward/controller/probe/measure';
import { createProber, type ProberDeps } from '@homeward/controller/probe/prober';
import type { Pairing } from '@homeward/controller/store/state';
import { RelayError } from '@homeward/shared/errors/relay-error';
import type { Drop } from '@homeward/shared/kernel/trace-parse';
import { type Family, parseIp, parseIpv4, parseIpv6 } from '@homeward/shared/net/address';
import { PROBE } from '@homeward/shared/net/allocation';
import type { Observed, ObservedFlow, Visit } from '@homeward/shared/protocol/messages';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { pino } from 'pino';
import { rejectionOf } from '../errors/thrown.js';
import { paired } from '../store/relay-states.js';

const SIGNAL = new AbortController().signal;
const ENTRANCE = { ipv4: parseIp('198.51.100.1'), ipv6: parseIp('2001:db8::1') };
const familyOfJob = ({ address }: ProbeJob): Family => (address.includes(':') ? 'ipv6' : 'ipv4');
const isEcho = (job: ProbeJob) => job.address === PROBE[familyOfJob(job)].relay;

/** Everything arrives and is answered, but what a test says otherwise. */
function network() {
  /** Jobs of each run of the synthetic client. */
  const runs: ProbeJob[][] = [];
  /** Of the jobs of a traced run. */
  const drop = { table: 'ip filter', chain: 'FORWARD', rule: null };
  const dropsOf = (jobs: readonly ProbeJob[]) =>
    jobs.map(({ clientPort }): Drop => ({ ...drop, direction: model.dropped, clientPort }));
  const model = {
    runs,
    dropped: 'request' as Drop['direction'],
    relayDrops: (_job: ProbeJob): boolean => false,
    backendDrops: (_job: ProbeJob): boolean => false,
    serviceOf: (_job: ProbeJob): ProbeReply['service'] => 'answered',
    arrives: (_job: ProbeJob): boolean => true,
    /** What hosts behind the backend say to the backend itself; nothing of an agent that visits none. */
    visits: (_job: ProbeJob): Visit[] => [],
  };
  const flowOf = (job: ProbeJob): ObservedFlow => ({
    transport: job.transport,
    delivery: 'local',
    address: PROBE[familyOfJob(job)].client,
    port: job.clientPort,
    arrivedOn: 'hw1',
    leftOn: model.serviceOf(job) === 'silent' ? null : 'hw1',
  });
  /** A backend that tells what it saw of the client ports it was asked about. */
  const target = (pairing: Pairing, observe?: ProbeTarget['observe']): ProbeTarget => ({
    pairing,
    forwards: pairing.forwards,
    observe:
      observe ??
      (async (action, watch): Promise<Observed> => {
        const own = (runs.at(-1) ?? []).filter((job) => watch.clientPorts.includes(job.clientPort));
        const flows = action === 'start' ? [] : own.filter(model.arrives).map(flowOf);
        const drops = { drops: dropsOf(own.filter(model.backendDrops)), visits: own.flatMap(model.visits) };
        return { type: 'observed', id: 1, flows, drift: [], listeners: [], ...(watch.explain ? drops : {}) };
      }),
  });
  const deps: ProberDeps = {
    client: {
      async run(jobs) {
        runs.push([...jobs]);
        return jobs.map((job) => {
          const service = model.serviceOf(job);
          return { id: job.id, service, rttMs: service === 'silent' ? null : 1 };
        });
      },
    },
    uplinkAddress: (family) => ENTRANCE[family],
    ownAddresses: () => Object.values(ENTRANCE),
    relayTunnelAddresses: () => ({ ipv4: parseIpv4('10.77.16.1'), ipv6: parseIpv6('fd77:16::1') }),
    kept: () => [],
    relayDrift: () => [],
    traceProbes: async () => ({ end: async () => dropsOf((runs.at(-1) ?? []).filter(model.relayDrops)) }),
    logger: pino({ level: 'silent' }),
  };
  return { model, target, deps };
}

const withoutIpv6 = (pairing: Pairing): Pairing => ({
  ...pairing,
  applied: pairing.applied === null ? null : { ...pairing.applied, ipv6: false },
});

describe('probe/prober', () => {
  let world: ReturnType<typeof network>;
  beforeEach(() => {
    world = network();
  });
  const probe = (...targets: readonly ProbeTarget[]) => createProber(world.deps).probe(targets, SIGNAL);
  const lines = async (...targets: readonly ProbeTarget[]) =>
    (await probe(...targets)).map(
      ({ backend, forward, family, proto, port, ok, cause }) =>
        `${backend} ${forward} ${family} ${proto} ${port} ${ok ? 'ok' : cause}`,
    );

  it('proves every forward in both families and all its transports', async () => {
    expect(await lines(world.target(paired('home', 1, ['443/tcp', '53/tcp+udp'])))).to.deep.equal([
      'home 443/tcp ipv4 tcp 443 ok',
      'home 443/tcp ipv6 tcp 443 ok',
      'home 53/tcp+udp ipv4 tcp 53 ok',
      'home 53/tcp+udp ipv4 udp 53 ok',
      'home 53/tcp+udp ipv6 tcp 53 ok',
      'home 53/tcp+udp ipv6 udp 53 ok',
    ]);
  });

  it('proves a pairing without forwards by its echo, in both families', async () => {
    expect(await lines(world.target(paired('home', 1, [])))).to.deep.equal([
      'home echo/tcp ipv4 tcp 10001 ok',
      'home echo/udp ipv4 udp 10001 ok',
      'home echo/tcp ipv6 tcp 10001 ok',
      'home echo/udp ipv6 udp 10001 ok',
    ]);
  });

  it('sends no IPv6 to a backend that does not speak it, and says so of what is for IPv6 alone', async () => {
    const home = withoutIpv6(paired('home', 1, ['443/tcp', '[2001:db8::1]:80/tcp']));
    expect(await lines(world.target(home))).to.deep.equal([
      'home 443/tcp ipv4 tcp 443 ok',
      'home [2001:db8::1]:80/tcp ipv6 tcp 80 no-entrance',
    ]);
    expect(world.model.runs.flat().filter((job) => familyOfJob(job) === 'ipv6')).to.deep.equal([]);
  });

  it('probes thousands of ports in rounds, each once, by client ports of its own', async () => {
    const specs = Array.from({ length: 1_000 }, (_, index) => `${index + 1}/tcp`);
    const results = await probe(world.target(paired('home', 1, specs)));
    expect(results).to.have.lengthOf(2_000);
    expect(results.every(({ ok }) => ok)).to.equal(true);
    const { runs } = world.model;
    expect(runs).to.have.lengthOf(5);
    for (const jobs of runs) {
      expect(jobs.filter((job) => !isEcho(job))).to.have.lengthOf(400);
      expect(new Set(jobs.map(({ clientPort }) => clientPort)).size).to.equal(jobs.length);
      expect(new Set(jobs.map(({ id }) => id)).size).to.equal(jobs.length);
    }
    const probed = runs.flat().filter((job) => !isEcho(job));
    expect(new Set(probed.map(({ address, port }) => `${address} ${port}`)).size).to.equal(2_000);
  });

  it('tells an echo that fails in every round once', async () => {
    world.model.arrives = (job) => !isEcho(job);
    const specs = Array.from({ length: 500 }, (_, index) => `${index + 1}/tcp`);
    const red = (await probe(world.target(paired('home', 1, specs)))).filter(({ ok }) => !ok);
    expect(red.map(({ forward, family }) => `${forward} ${family}`)).to.have.members([
      'echo/tcp ipv4',
      'echo/udp ipv4',
      'echo/tcp ipv6',
      'echo/udp ipv6',
    ]);
  });

  it('lets the echo of its own family alone stand for a silent UDP service', async () => {
    world.model.serviceOf = (job) =>
      (!isEcho(job) && job.transport === 'udp') || (isEcho(job) && familyOfJob(job) === 'ipv6') ? 'silent' : 'answered';
    expect(await lines(world.target(paired('home', 1, ['53/udp'])))).to.include.members([
      'home 53/udp ipv4 udp 53 ok',
      'home 53/udp ipv6 udp 53 no-reply',
    ]);
  });

  it('lets a backend that does not tell what it saw spoil its own proof only', async () => {
    const deaf = () => Promise.reject(new RelayError('unreachable', 'the session ended'));
    const results = await probe(
      world.target(paired('home', 1, ['443/tcp'])),
      world.target(paired('nas', 2, ['80/tcp']), deaf),
    );
    expect(results.filter(({ backend }) => backend === 'home').every(({ ok }) => ok)).to.equal(true);
    const red = results.filter(({ backend }) => backend === 'nas');
    expect(red.filter(({ forward }) => forward === '80/tcp')).to.have.lengthOf(2);
    for (const result of red) expect(result).to.include({ ok: false, cause: 'no-observer', hint: 'the session ended' });
  });

  it('is interrupted by its signal, and goes on with the next one', async () => {
    const aborter = new AbortController();
    const prober = createProber(world.deps);
    const home = paired('home', 1, ['443/tcp']);
    const interrupted = world.target(home, () => {
      aborter.abort();
      return Promise.reject(new RelayError('interrupted', 'the command was interrupted'));
    });
    const first = rejectionOf(prober.probe([interrupted], aborter.signal));
    const second = prober.probe([world.target(home)], SIGNAL);
    expect((await first).code).to.equal('interrupted');
    expect((await second).every(({ ok }) => ok)).to.equal(true);
  });

  it('probes for one caller after another, since the client has one address', async () => {
    let running = 0;
    let most = 0;
    const { client } = world.deps;
    const counted: ProberDeps = {
      ...world.deps,
      client: {
        async run(jobs, signal) {
          running += 1;
          most = Math.max(most, running);
          await new Promise(setImmediate);
          running -= 1;
          return client.run(jobs, signal);
        },
      },
    };
    const prober = createProber(counted);
    const targets = ['home', 'nas', 'attic'].map((name, index) => world.target(paired(name, index + 1, ['443/tcp'])));
    const all = await Promise.all(targets.map((target) => prober.probe([target], SIGNAL)));
    expect(all.flat().every(({ ok }) => ok)).to.equal(true);
    expect(most).to.equal(1);
  });

  it('is red where the relay itself has drifted', async () => {
    const drifted = createProber({ ...world.deps, relayDrift: () => ['+ element homeward_relay any4 { tcp . 443 }'] });
    const [result] = await drifted.probe([world.target(paired('home', 1, ['443/tcp']))], SIGNAL);
    expect(result).to.include({ ok: false, cause: 'relay-drift' });
  });

  describe('looks again, with a trace, at what a firewall may have dropped', () => {
    const of443 = (job: ProbeJob) => job.port === 443;
    const red = async () => {
      const results = await probe(world.target(paired('home', 1, ['443/tcp', '80/tcp'])));
      return results.filter(({ ok }) => !ok).map(({ port, cause, droppedBy }) => ({ port, cause, at: droppedBy?.at }));
    };

    it('never where everything is green', async () => {
      await red();
      expect(world.model.runs).to.have.lengthOf(1);
    });

    it('at both ends, of the red probes alone', async () => {
      world.model.arrives = (job) => !of443(job);
      world.model.relayDrops = ({ address }) => address === ENTRANCE.ipv4;
      world.model.backendDrops = () => true;
      expect(await red()).to.deep.equal([
        { port: 443, cause: 'dropped', at: 'relay' },
        { port: 443, cause: 'dropped', at: 'backend' },
      ]);
      expect(world.model.runs[1]?.every(of443)).to.equal(true);
    });

    it('of a silent UDP service, for which the echo stood: an answer that was dropped is no proof', async () => {
      world.model.serviceOf = (job) => (job.port === 53 ? 'silent' : 'answered');
      const results = () => probe(world.target(paired('home', 1, ['53/udp', '443/tcp'])));
      expect((await results()).every(({ ok }) => ok)).to.equal(true);
      expect(world.model.runs[1]?.every(({ port }) => port === 53)).to.equal(true);
      world.model.backendDrops = () => true;
      expect(
        (await results()).every(({ ok }) => ok),
        'what became of the question says nothing new',
      ).to.equal(true);
      world.model.dropped = 'reply';
      expect((await results()).filter(({ ok }) => !ok).map(({ port, cause }) => `${port} ${cause}`)).to.deep.equal([
        '53 dropped',
        '53 dropped',
      ]);
    });

    it('and says what it said where no rule dropped it', async () => {
      world.model.arrives = (job) => !of443(job);
      expect(new Set((await red()).map(({ cause, at }) => `${cause} ${at}`))).to.deep.equal(
        new Set(['not-arrived undefined']),
      );
    });

    it('and at what a host behind the backend says to the backend itself, each of its own family', async () => {
      world.model.serviceOf = (job) => (isEcho(job) ? 'answered' : 'silent');
      world.model.visits = ({ transport, port }) => [
        { transport, port, host: '192.168.1.99', source: '192.168.1.10', router: null, outcome: 'answered' },
        { transport, port, host: 'fd00::9', source: 'fd00::1', router: null, outcome: 'absent' },
      ];
      const specs = ['80=192.168.1.99/tcp', '80=[fd00::9]/tcp'];
      expect(await lines(world.target(paired('home', 1, specs)))).to.deep.equal([
        'home 80=192.168.1.99/tcp ipv4 tcp 80 no-way-back',
        'home 80=[fd00::9]/tcp ipv6 tcp 80 host-absent',
      ]);
      world.model.backendDrops = () => true;
      expect(new Set((await red()).map(({ cause }) => cause)), 'a rule goes before it').to.deep.equal(
        new Set(['dropped']),
      );
    });

    it('and says what it said where there is no trace to be had', async () => {
      world.model.arrives = (job) => !of443(job);
      const traceProbes = () => Promise.reject(new RelayError('command-failed', 'nft monitor trace does not listen'));
      const prober = createProber({ ...world.deps, traceProbes });
      const results = await prober.probe([world.target(paired('home', 1, ['443/tcp']))], SIGNAL);
      expect(results.map(({ cause }) => cause)).to.deep.equal(['not-arrived', 'not-arrived']);
    });
  });
});
