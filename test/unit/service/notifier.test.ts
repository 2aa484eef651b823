/** What systemd hears of a daemon: the program that tells it is a stand-in which writes down how it was called. */

import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRunner } from '@homeward/shared/host/runner';
import { createNotifier, type Notifier, notifyTarget } from '@homeward/shared/service/notifier';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { pino } from 'pino';
import { poll } from '../../support/poll.js';
import { temporaryDirectory } from '../host/temporary.js';

const SOCKET = '/run/systemd/notify';

describe('service/notifier', () => {
  const directory = temporaryDirectory();
  let status = '1 backend, 0 online';

  beforeEach(async () => {
    const program = join(directory(), 'systemd-notify');
    await writeFile(program, `#!/bin/sh\n(echo "$NOTIFY_SOCKET"; printf '%s\\n' "$@"; echo) >>"$0.calls"\n`);
    await chmod(program, 0o755);
    status = '1 backend, 0 online';
  });

  function notifier(watchdogMs: number | null, socket: string | null = SOCKET): Notifier {
    return createNotifier({
      target: socket === null ? null : { socket, watchdogMs },
      runner: createRunner(`${directory()}:/usr/bin:/bin`),
      logger: pino({ enabled: false }),
      status: () => status,
    });
  }

  /** Each call's variables, when there are that many calls. */
  const calls = (count: number) =>
    poll(`${count} calls`, 4_000, async () => {
      const text = await readFile(join(directory(), 'systemd-notify.calls'), 'utf8').catch(() => '');
      const found = text.split('\n\n').filter((call) => call !== '');
      if (found.length < count) return undefined;
      return found.map((call) => {
        const [socket, ...variables] = call.split('\n');
        expect(socket).to.equal(SOCKET);
        return variables;
      });
    });

  it('says ready after the first good round, once, and what hinders it until then', async () => {
    const told = notifier(60_000);
    told.round('nft failed: no\nREADY=1');
    expect(await calls(1)).to.deep.equal([['STATUS=1 backend, 0 online; trying again: nft failed: no', 'WATCHDOG=1']]);
    await roundUntil(told, 2);
    status = '1 backend, 1 online';
    await roundUntil(told, 3);
    expect((await calls(3)).slice(1)).to.deep.equal([
      ['READY=1', 'STATUS=1 backend, 0 online', 'WATCHDOG=1'],
      ['STATUS=1 backend, 1 online', 'WATCHDOG=1'],
    ]);
  });

  it('says alive in time, as long as there are rounds', async () => {
    const told = notifier(300);
    await roundUntil(told, 3);
    const all = await calls(3);
    expect(all[0]?.[0]).to.equal('READY=1');
    expect(all[2]).to.deep.equal(['STATUS=1 backend, 0 online', 'WATCHDOG=1']);
  });

  it('starts no process at a round that brings nothing new', async () => {
    const told = notifier(600_000);
    await roundUntil(told, 1);
    for (let round = 0; round < 50; round += 1) told.round(null);
    await told.stopping();
    expect((await calls(2)).slice(1)).to.deep.equal([['STOPPING=1']]);
  });

  it('sends no sign of life where none is waited for', async () => {
    const told = notifier(null);
    told.round(null);
    expect(await calls(1)).to.deep.equal([['READY=1', 'STATUS=1 backend, 0 online']]);
  });

  it('starts nothing without systemd', async () => {
    const told = notifier(null, null);
    told.round(null);
    await told.stopping();
    expect(await readFile(join(directory(), 'systemd-notify.calls'), 'utf8').catch(() => null)).to.equal(null);
  });

  /** Rounds follow each other until so many calls were made: one that finds the last still on its way tells nothing. */
  async function roundUntil(told: Notifier, count: number): Promise<void> {
    await poll(`call ${count}`, 4_000, async () => {
      told.round(null);
      const text = await readFile(join(directory(), 'systemd-notify.calls'), 'utf8').catch(() => '');
      return text.split('\n\n').length > count ? true : undefined;
    });
  }
});

describe('service/notifier: who is told', () => {
  it('is the manager that its variables name', () => {
    expect(notifyTarget({}, 7)).to.equal(null);
    expect(notifyTarget({ NOTIFY_SOCKET: SOCKET }, 7)).to.deep.equal({ socket: SOCKET, watchdogMs: null });
    const watched = { NOTIFY_SOCKET: '@abstract', WATCHDOG_USEC: '60000000' };
    expect(notifyTarget({ ...watched, WATCHDOG_PID: '7' }, 7)).to.deep.equal({
      socket: '@abstract',
      watchdogMs: 60_000,
    });
    expect(notifyTarget(watched, 7)?.watchdogMs).to.equal(60_000);
    expect(notifyTarget({ ...watched, WATCHDOG_PID: '8' }, 7)?.watchdogMs).to.equal(null);
  });
});
