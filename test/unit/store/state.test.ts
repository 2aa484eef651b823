/** The relay's state as a file: forwards are stored as their text and worked with as what it says. */

import { readFile, writeFile } from 'node:fs/promises';
import { encodeState, type RelayState, stateSchema } from '@homeward/controller/store/state';
import { createJsonFile } from '@homeward/shared/host/json-file';
import { type Forward, parseForward } from '@homeward/shared/net/forward-spec';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { z } from 'zod';
import { rejectionOf } from '../errors/thrown.js';
import { temporaryDirectory } from '../host/temporary.js';
import { anyForward } from '../net/generators.js';
import { paired, pairing, relayState } from './relay-states.js';

const withForwards = (forwards: readonly Forward[]): RelayState =>
  relayState([pairing('home', 1, { forwards: [...forwards] })]);

describe('store/state', () => {
  const path = temporaryDirectory();
  const file = () => createJsonFile(path('controller.json'), stateSchema, encodeState);

  it('is, read back, what was written', async () => {
    const specs = ['443/tcp', '[2001:db8::1]:1024-65535=[fd00::9]/udp', '80=192.168.1.9:8080/tcp+udp'];
    const state = relayState([paired('home', 1, specs), pairing('nas', 2)]);
    await file().write(state);
    expect(await file().read()).to.deep.equal(state);
  });

  it('stores forwards as texts that a person can read', async () => {
    await file().write(relayState([paired('home', 1, ['443/tcp', '80=[FD00::9]/udp+tcp'])]));
    const stored = JSON.parse(await readFile(path('controller.json'), 'utf8'));
    expect(stored.pairings[0].forwards).to.deep.equal(['443/tcp', '80=[fd00::9]/tcp+udp']);
    expect(stored.pool6).to.equal('fd77:16::/64');
  });

  it('keeps any forward', () => {
    fc.assert(
      fc.property(fc.array(anyForward(65_535), { maxLength: 5 }), (forwards) => {
        const state = withForwards(forwards);
        const stored: unknown = JSON.parse(JSON.stringify(z.encode(stateSchema, state)));
        expect(JSON.parse(JSON.stringify(encodeState(state)))).to.deep.equal(stored);
        expect(z.decode(stateSchema, stored as z.input<typeof stateSchema>)).to.deep.equal(state);
      }),
    );
  });

  it('reads a forward that was written by hand in another form as its canonical one', async () => {
    await file().write(withForwards([parseForward('53/tcp')]));
    const text = await readFile(path('controller.json'), 'utf8');
    await writeFile(path('controller.json'), text.replace('"53/tcp"', '"53=53/udp+tcp"'));
    const [home] = (await file().read())?.pairings ?? [];
    expect(home?.forwards).to.deep.equal([parseForward('53/tcp+udp')]);
  });

  it('refuses a file with a forward that is none, naming where, and leaves it as it is', async () => {
    await file().write(withForwards([parseForward('443/tcp')]));
    const broken = (await readFile(path('controller.json'), 'utf8')).replace('"443/tcp"', '"443"');
    await writeFile(path('controller.json'), broken);
    const error = await rejectionOf(file().read());
    expect(error.code).to.equal('bad-state');
    expect(error.message).to.match(/pairings\.0\.forwards\.0: forward "443" lacks the protocol$/);
    expect(await readFile(path('controller.json'), 'utf8')).to.equal(broken);
  });

  it('refuses a file without a field, or with one too much', async () => {
    for (const change of [{ pool6: undefined }, { version: 2 }, { more: 1 }]) {
      await file().write(relayState());
      const stored = JSON.parse(await readFile(path('controller.json'), 'utf8'));
      await writeFile(path('controller.json'), JSON.stringify({ ...stored, ...change }));
      expect((await rejectionOf(file().read())).code, JSON.stringify(change)).to.equal('bad-state');
    }
  });
});
