/** The local API over a real unix socket: events, results, errors, hang-ups. */

import { stat, writeFile } from 'node:fs/promises';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { callDaemon } from '@homeward/shared/local/api-client';
import { type ApiCommand, apiCommand, serveApi } from '@homeward/shared/local/api-server';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { z } from 'zod';
import { rejectionOf } from '../errors/thrown.js';
import { temporaryDirectory } from '../host/temporary.js';

const nothing = () => undefined;

describe('local api', () => {
  const path = temporaryDirectory();
  let started: Promise<AbortSignal>;
  let server: { close(): Promise<void> };
  const daemon = () => ({ socketPath: path('run/x.sock'), program: 'controller', startHint: 'controller serve' });
  const call = (name: string, args: unknown = {}, signal?: AbortSignal) =>
    callDaemon(daemon(), name, args, nothing, signal);

  beforeEach(async () => {
    let tell: (signal: AbortSignal) => void = nothing;
    started = new Promise((resolve) => {
      tell = resolve;
    });
    const commands: Record<string, ApiCommand> = {
      echo: apiCommand(z.strictObject({ text: z.string() }), async ({ text }) => ({ text })),
      count: apiCommand(z.strictObject({ to: z.int() }), async ({ to }, { emit }) => {
        for (let value = 1; value <= to; value += 1) emit({ event: 'number', value });
        return 'counted';
      }),
      silent: apiCommand(z.unknown(), async () => undefined),
      fail: apiCommand(z.unknown(), async (_, { emit }) => {
        emit({ event: 'begun' });
        throw new RelayError('conflict', 'the port is taken', { hint: 'take another', details: { port: 443 } });
      }),
      bug: apiCommand(z.unknown(), async () => {
        throw new TypeError('x is undefined');
      }),
      wait: apiCommand(z.unknown(), (_, { signal }) => {
        tell(signal);
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new RelayError('interrupted', 'gone')), { once: true });
        });
      }),
    };
    server = await serveApi(path('run/x.sock'), commands);
  });
  afterEach(() => server.close());

  it('gives a result', async () => {
    expect(await call('echo', { text: 'ü\n"\u2028' })).to.deep.equal({ text: 'ü\n"\u2028' });
    expect(await call('silent')).to.equal(null);
  });

  it('gives events in order before the result', async () => {
    const events: unknown[] = [];
    const result = await callDaemon(daemon(), 'count', { to: 300 }, (event) => events.push(event));
    expect(result).to.equal('counted');
    expect(events).to.deep.equal(Array.from({ length: 300 }, (_, index) => ({ event: 'number', value: index + 1 })));
  });

  it('takes arguments of a megabyte, and refuses more than four', async () => {
    const text = 'x'.repeat(1024 * 1024);
    expect(await call('echo', { text })).to.deep.equal({ text });
    expect(await rejectionOf(call('echo', { text: text.repeat(4) }))).to.include({
      code: 'bad-input',
      message: 'the request is too long',
    });
  });

  it('carries an error over with code, message, hint and details', async () => {
    const events: unknown[] = [];
    const error = await rejectionOf(callDaemon(daemon(), 'fail', {}, (event) => events.push(event)));
    expect(error).to.include({ code: 'conflict', message: 'the port is taken', hint: 'take another' });
    expect(error.details).to.deep.equal({ port: 443 });
    expect(events).to.deep.equal([{ event: 'begun' }]);
  });

  it('carries a bug over as one', async () => {
    expect(await rejectionOf(call('bug'))).to.include({ code: 'bug', message: 'x is undefined' });
  });

  it('refuses wrong arguments and unknown commands, also those every object has', async () => {
    expect(await rejectionOf(call('echo', { text: 7 }))).to.include({ code: 'bad-input' });
    expect((await rejectionOf(call('echo', { text: 'a', x: 1 }))).message).to.include('"x"');
    for (const name of ['nothing', 'constructor', '__proto__', 'toString']) {
      expect((await rejectionOf(call(name))).message).to.equal(`the daemon does not know the command ${name}`);
    }
  });

  it("aborts the command's signal when the caller hangs up", async () => {
    const aborter = new AbortController();
    const waiting = rejectionOf(call('wait', {}, aborter.signal));
    const signal = await started;
    expect(signal.aborted).to.equal(false);
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    aborter.abort();
    expect((await waiting).code).to.equal('interrupted');
    await aborted;
  });

  it('says that there is no daemon, and how to start one', async () => {
    await server.close();
    expect(await rejectionOf(call('echo', { text: '' }))).to.include({
      code: 'no-daemon',
      message: 'the controller daemon is not running',
      hint: 'start it: controller serve',
    });
  });

  it('says that the daemon went away in the middle', async () => {
    const waiting = rejectionOf(call('wait'));
    await started;
    await server.close();
    expect(await waiting).to.include({ code: 'no-daemon' });
  });

  it('may be opened by its owner alone', async () => {
    expect((await stat(path('run/x.sock'))).mode & 0o777).to.equal(0o600);
  });

  it("takes the place of a dead daemon's socket", async () => {
    await writeFile(path('run/dead.sock'), '');
    const second = await serveApi(path('run/dead.sock'), {});
    expect((await stat(path('run/dead.sock'))).isSocket()).to.equal(true);
    await second.close();
  });

  it('runs what is to come afterwards only when the answer is out', async () => {
    let isDone: () => void = nothing;
    const done = new Promise<void>((resolve) => {
      isDone = resolve;
    });
    const other = await serveApi(path('run/other.sock'), {
      stop: apiCommand(z.unknown(), async (_, { afterwards }) => {
        afterwards(isDone);
        return 'stopping';
      }),
    });
    const result = await callDaemon({ ...daemon(), socketPath: path('run/other.sock') }, 'stop', {}, nothing);
    expect(result).to.equal('stopping');
    await done;
    await other.close();
  });
});
