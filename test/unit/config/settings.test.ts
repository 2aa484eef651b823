/** Settings of the relay: flags over file over defaults, and what is refused. */

import { writeFile } from 'node:fs/promises';
import { endpointUrl, loadSettings, parseListen } from '@homeward/controller/config';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { rejectionOf, thrownBy } from '../errors/thrown.js';
import { temporaryDirectory } from '../host/temporary.js';

describe('config', () => {
  const path = temporaryDirectory();
  const load = (flags: Partial<Parameters<typeof loadSettings>[0]> = {}) =>
    loadSettings({ repair: true, ...flags }, path('controller.json'));
  const write = (text: string) => writeFile(path('controller.json'), text);

  it('has defaults for everything', async () => {
    expect(await load()).to.deep.equal({
      listen: { host: '::', port: 7700 },
      endpoints: [],
      wireguardPort: null,
      pool: null,
      repair: true,
    });
  });

  it('insists on a file that was asked for, and can do without the usual one', async () => {
    const config = path('other.json');
    const error = await rejectionOf(load({ config }));
    expect(error).to.include({ code: 'bad-input' });
    expect(error.message).to.equal(`cannot read the settings file ${config}: no such file or directory`);
    await writeFile(config, '{"wireguardPort": 5002}');
    await write('{"wireguardPort": 5001}');
    expect((await load({ config })).wireguardPort).to.equal(5002);
  });

  it('names the flag or the line that is wrong', async () => {
    const table = [
      [{ listen: '99999' }, '--listen: 99999 is not a port', 'example: --listen [::]:7700'],
      [{ endpoint: ['a:0'] }, '--endpoint: "0" is not a port', 'example: --endpoint relay.example.org:7700'],
      [{ endpoint: ['fd00::1'] }, '--endpoint "fd00::1" is not a host or URL', 'example: --endpoint [fd00::1]'],
      [{ pool: 'x' }, '--pool: "x" is not', 'example: --pool 10.77.0.0/20'],
      [{ wireguardPort: 'x' }, '--wireguard-port: "x" is not a port', 'example: --wireguard-port 51820'],
    ] as const;
    for (const [flags, message, hint] of table) {
      const error = await rejectionOf(load(flags));
      expect(error.message).to.include(message);
      expect(error.hint).to.equal(hint);
    }
    for (const [key, value] of [
      ['listen', '"x"'] as const,
      ['pool', '"x"'] as const,
      ['endpoints', '["a b"]'] as const,
    ]) {
      await write(`{"${key}": ${value}}`);
      expect((await rejectionOf(load())).message, key).to.include(`${path('controller.json')}: ${key}`);
    }
  });

  it('takes flags over the file', async () => {
    await write('{"listen": "0.0.0.0:7701", "endpoints": ["a.example"], "wireguardPort": 5000, "pool": "10.1.0.0/20"}');
    expect(await load()).to.deep.include({
      listen: { host: '0.0.0.0', port: 7701 },
      endpoints: ['ws://a.example:7701'],
      wireguardPort: 5000,
      pool: { address: '10.1.0.0', length: 20 },
    });
    const flags = { listen: '7702', endpoint: ['b.example'], wireguardPort: '5001', pool: '10.2.3.4/16' };
    expect(await load(flags)).to.deep.include({
      listen: { host: '::', port: 7702 },
      endpoints: ['ws://b.example:7702'],
      wireguardPort: 5001,
      pool: { address: '10.2.0.0', length: 16 },
    });
  });

  it('repairs unless the flag or the file says no', async () => {
    expect((await load({ repair: false })).repair).to.equal(false);
    await write('{"repair": false}');
    expect((await load()).repair).to.equal(false);
    await write('{"repair": true}');
    expect((await load({ repair: false })).repair).to.equal(false);
  });

  for (const text of [
    '',
    '[]',
    '{"lisen": "x"}',
    '{"wireguardPort": "1"}',
    '{"wireguardPort": 0}',
    '{"listen": 7700}',
  ]) {
    it(`refuses the file ${JSON.stringify(text)}, naming it`, async () => {
      await write(text);
      const error = await rejectionOf(load());
      expect(error.code).to.equal('bad-input');
      expect(error.message).to.include(path('controller.json'));
    });
  }

  it('reads where to listen', () => {
    const table = {
      '7700': '::|7700',
      ':7700': '::|7700',
      '0.0.0.0:80': '0.0.0.0|80',
      '[::]:7700': '::|7700',
      '[2001:db8::1]:1': '2001:db8::1|1',
      'relay.example:7700': 'relay.example|7700',
    };
    for (const [text, expected] of Object.entries(table)) {
      const { host, port } = parseListen(text);
      expect(`${host}|${port}`, text).to.equal(expected);
    }
  });

  for (const text of ['', 'relay.example', '::', '::1:7700', '[::]', '1.2.3.4:', '1.2.3.4:0', '1.2.3.4:65536', ':x']) {
    it(`does not listen on ${JSON.stringify(text)}`, () => {
      expect(thrownBy(() => parseListen(text)).code).to.equal('bad-input');
    });
  }

  for (const text of ['192.168.1.77', '10.0.0.1', 'relay7705', '[::1]7700']) {
    it(`takes no digits of ${JSON.stringify(text)} for a port`, () => {
      expect(thrownBy(() => parseListen(text))).to.include({ code: 'bad-input', hint: 'example: --listen [::]:7700' });
    });
  }

  it('makes URLs of endpoints', () => {
    const table = {
      'relay.example': 'ws://relay.example:7700',
      'relay.example:80': 'ws://relay.example:80',
      '198.51.100.1': 'ws://198.51.100.1:7700',
      '[2001:db8::1]': 'ws://[2001:db8::1]:7700',
      '[2001:db8::1]:443': 'ws://[2001:db8::1]:443',
      'wss://relay.example/homeward': 'wss://relay.example/homeward',
    };
    for (const [text, url] of Object.entries(table)) expect(endpointUrl(text, 7700), text).to.equal(url);
  });

  for (const text of [
    '',
    'a b',
    'http://relay.example',
    '2001:db8::1',
    'relay.example:',
    'relay/x',
    'ws://',
    'relay:x',
  ]) {
    it(`refuses the endpoint ${JSON.stringify(text)}`, () => {
      expect(thrownBy(() => endpointUrl(text, 7700)).message).to.include(`--endpoint "${text}" is not a host or URL`);
    });
  }

  for (const text of ['relay.example:65536', 'relay.example:0', '[:::]', '[1.2]:80']) {
    it(`gives agents no URL that cannot be dialled: ${text}`, () => {
      expect(thrownBy(() => endpointUrl(text, 7700)).code).to.equal('bad-input');
    });
  }

  it('refuses a pool of public addresses, which no backend would take', async () => {
    for (const pool of ['203.0.113.0/24', '0.0.0.0/8', '127.0.0.0/16', '172.0.0.0/8', '169.254.0.0/20']) {
      expect((await rejectionOf(load({ pool }))).code, pool).to.equal('bad-input');
    }
    for (const pool of ['172.30.0.0/20', '100.64.0.0/20', '10.0.0.0/8']) {
      expect((await load({ pool })).pool, pool).to.not.equal(null);
    }
  });

  it('refuses pools that are too small, too large or none', async () => {
    for (const pool of ['10.0.0.0/29', '10.0.0.0/7', '10.0.0.0', 'x', 'fd00::/64']) {
      expect((await rejectionOf(load({ pool }))).code, pool).to.equal('bad-input');
    }
    expect((await rejectionOf(load({ wireguardPort: '0' }))).code).to.equal('bad-input');
  });
});
