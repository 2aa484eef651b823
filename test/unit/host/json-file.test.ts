/** State files: never half written, never read as something they are not, readable by nobody else. */

import { chmod, mkdir, readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { createJsonFile, type JsonFile } from '@homeward/shared/host/json-file';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { z } from 'zod';
import { rejectionOf } from '../errors/thrown.js';
import { temporaryDirectory } from './temporary.js';

const schema = z.strictObject({ version: z.literal(1), names: z.array(z.string()) });
type State = z.infer<typeof schema>;

const state = (...names: string[]): State => ({ version: 1, names });
const mode = async (path: string) => (await stat(path)).mode & 0o777;

describe('host/json-file', () => {
  const path = temporaryDirectory();
  const file = (): JsonFile<State> => createJsonFile(path('state.json'), schema);

  it('is null where there is no file', async () => {
    expect(await file().read()).to.equal(null);
  });

  it('reads what it wrote', async () => {
    await file().write(state('home', 'nas'));
    expect(await file().read()).to.deep.equal(state('home', 'nas'));
  });

  it('keeps the previous content and leaves nothing else behind', async () => {
    for (const name of ['one', 'two', 'three']) await file().write(state(name));
    expect(JSON.parse(await readFile(path('state.json.previous'), 'utf8'))).to.deep.equal(state('two'));
    expect((await readdir(path())).sort()).to.deep.equal(['state.json', 'state.json.previous']);
  });

  it('is readable by its owner alone, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      await file().write(state('one'));
      await file().write(state('two'));
    } finally {
      process.umask(before);
    }
    expect(await mode(path('state.json'))).to.equal(0o600);
    expect(await mode(path('state.json.previous'))).to.equal(0o600);
  });

  it('is readable by its owner alone also after a crash left a temporary file of another mode', async () => {
    await writeFile(path('state.json.new'), 'half a st');
    await chmod(path('state.json.new'), 0o644);
    await file().write(state('one'));
    expect(await mode(path('state.json'))).to.equal(0o600);
  });

  it('is not changed by a value that cannot be written', async () => {
    await file().write(state('one'));
    const circular: unknown[] = [];
    circular.push(circular);
    const failure = await file()
      .write({ version: 1, names: circular as string[] })
      .catch((error: unknown) => error);
    expect(failure).to.be.an('error');
    expect(await file().read()).to.deep.equal(state('one'));
  });

  it('shows a reader the old or the new content, never a part, while it is written again and again', async () => {
    const long = (index: number) => state(...Array.from({ length: 2_000 }, () => `backend-${index}`));
    await file().write(long(0));
    let isWriting = true;
    const writing = (async () => {
      for (let index = 1; index <= 20; index += 1) await file().write(long(index));
      isWriting = false;
    })();
    let reads = 0;
    while (isWriting) {
      const seen = await file().read();
      expect(new Set(seen?.names).size).to.equal(1);
      expect(seen?.names).to.have.lengthOf(2_000);
      reads += 1;
    }
    await writing;
    expect(reads).to.be.above(0);
  });

  const DAMAGED: Readonly<Record<string, readonly [string, RegExp]>> = {
    'an empty file': ['', /is damaged or of another version: it is not JSON$/],
    'half a file': ['{"version": 1, "na', /it is not JSON$/],
    'a format that is no number': ['{"version": "x", "names": []}', /: it does not say its format$/],
    'a field too much': ['{"version": 1, "names": [], "x": 1}', /: content: .*"x"/],
    'a field of another type': ['{"version": 1, "names": [7]}', /: names\.0: /],
    null: ['null', /: content: /],
  };
  for (const [what, [text, message]] of Object.entries(DAMAGED)) {
    it(`refuses ${what} instead of starting empty, and leaves it as it is`, async () => {
      await writeFile(path('state.json'), text);
      const error = await rejectionOf(file().read());
      expect(error.code).to.equal('bad-state');
      expect(error.message).to.match(message).and.include(path('state.json'));
      expect(error.hint).to.include(`${path('state.json')}.previous`);
      expect(await readFile(path('state.json'), 'utf8')).to.equal(text);
    });
  }

  it('refuses what a newer version wrote, and says so', async () => {
    const text = '{"version": 2, "names": [], "more": true}';
    await writeFile(path('state.json'), text);
    expect(await rejectionOf(file().read())).to.include({
      code: 'bad-state',
      message: `${path('state.json')} has format 2, which this version of homeward does not know`,
      hint: 'start the version that wrote it, or a newer one',
    });
    expect(await readFile(path('state.json'), 'utf8')).to.equal(text);
  });

  it('refuses to start empty where only the previous state is left', async () => {
    for (const name of ['one', 'two']) await file().write(state(name));
    await unlink(path('state.json'));
    const error = await rejectionOf(file().read());
    expect(error.code).to.equal('bad-state');
    expect(error.hint).to.include(`mv ${path('state.json.previous')} ${path('state.json')}`);
  });

  it('tells a directory that cannot be written, and is as it was', async () => {
    await file().write(state('one'));
    const gone = createJsonFile(path('missing/state.json'), schema);
    const error = await rejectionOf(gone.write(state('two')));
    expect(error).to.include({
      code: 'bad-state',
      message: `cannot write ${path('missing/state.json')}: no such file or directory`,
    });
    expect(error.hint).to.include(path('missing'));
  });

  it('leaves nothing of what could not be put in its place', async () => {
    await mkdir(path('state.json'));
    expect((await rejectionOf(file().write(state('one')))).code).to.equal('bad-state');
    expect((await readdir(path())).filter((name) => name.endsWith('.new'))).to.deep.equal([]);
  });

  it('removes what a dead writer left, and nothing else', async () => {
    for (const name of ['one', 'two']) await file().write(state(name));
    await writeFile(path('state.json.new'), 'half a st');
    await file().removeUnfinished();
    await file().removeUnfinished();
    expect((await readdir(path())).sort()).to.deep.equal(['state.json', 'state.json.previous']);
    expect(await file().read()).to.deep.equal(state('two'));
  });

  it('stores what a codec encodes, and reads what it decodes', async () => {
    const ports = z.codec(z.string(), z.custom<readonly number[]>(), {
      decode: (text) => text.split(' ').map(Number),
      encode: (numbers) => numbers.join(' '),
    });
    const coded = createJsonFile(path('coded.json'), z.strictObject({ ports }));
    await coded.write({ ports: [53, 443] });
    expect(JSON.parse(await readFile(path('coded.json'), 'utf8'))).to.deep.equal({ ports: '53 443' });
    expect(await coded.read()).to.deep.equal({ ports: [53, 443] });
  });

  it('refuses what cannot be read', async () => {
    const directory = createJsonFile(path(), schema);
    expect((await rejectionOf(directory.read())).code).to.equal('bad-state');
  });
});
