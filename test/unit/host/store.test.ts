/** The store: changes one after another, each durable or none at all. */

import { createJsonFile, type JsonFile } from '@homeward/shared/host/json-file';
import { openStore } from '@homeward/shared/host/store';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { z } from 'zod';
import { temporaryDirectory } from './temporary.js';

const schema = z.strictObject({ list: z.array(z.number()) });
type State = z.infer<typeof schema>;
const append = (value: number) => (state: State) => ({
  state: { list: [...state.list, value] },
  result: state.list.length,
});

describe('host/store', () => {
  const path = temporaryDirectory();
  const file = (): JsonFile<State> => createJsonFile(path('state.json'), schema);
  const open = () => openStore(file(), async () => ({ list: [] }));

  it('writes the first state at once, and does not make it again', async () => {
    await open();
    expect(await file().read()).to.deep.equal({ list: [] });
    await file().write({ list: [7] });
    expect((await open()).state()).to.deep.equal({ list: [7] });
  });

  it('makes changes that come at once one after another, losing none', async () => {
    const store = await open();
    const numbers = Array.from({ length: 20 }, (_, index) => index);
    const results = await Promise.all(numbers.map((value) => store.update(append(value))));
    expect(results).to.deep.equal(numbers);
    expect(store.state()).to.deep.equal({ list: numbers });
    expect(await file().read()).to.deep.equal({ list: numbers });
  });

  it('writes changes together that come while another is being written', async () => {
    let writes = 0;
    const counting = {
      read: () => file().read(),
      write: (state: State) => {
        writes += 1;
        return file().write(state);
      },
    };
    const store = await openStore<State>(counting, async () => ({ list: [] }));
    writes = 0;
    const numbers = Array.from({ length: 1000 }, (_, index) => index);
    await Promise.all(numbers.map((value) => store.update(append(value))));
    expect(await file().read()).to.deep.equal({ list: numbers });
    expect(writes).to.be.below(5);
  });

  it('fails alone what cannot be written, of changes that came together', async () => {
    const picky = {
      read: () => file().read(),
      write: (state: State) => (state.list.includes(13) ? Promise.reject(new Error('no 13')) : file().write(state)),
    };
    const store = await openStore<State>(picky, async () => ({ list: [] }));
    const told = await Promise.all(
      [1, 13, 2].map((value) => store.update(append(value)).catch((error: Error) => error.message)),
    );
    expect(told).to.deep.equal([0, 'no 13', 1]);
    expect(await file().read()).to.deep.equal({ list: [1, 2] });
  });

  it('is on disk when the update is done', async () => {
    const store = await open();
    await store.update(append(1));
    expect((await open()).state()).to.deep.equal({ list: [1] });
  });

  it('is unchanged by a change that throws, and takes the next one', async () => {
    const store = await open();
    const failing = store.update(() => {
      throw new Error('no');
    });
    const next = store.update(append(1));
    expect(await failing.catch((error: Error) => error.message)).to.equal('no');
    expect(await next).to.equal(0);
    expect(await file().read()).to.deep.equal({ list: [1] });
  });

  it('is unchanged in memory when it could not be written', async () => {
    let isFull = false;
    const store = await openStore<State>(
      {
        read: () => file().read(),
        write: (state) => (isFull ? Promise.reject(new Error('disk full')) : file().write(state)),
      },
      async () => ({ list: [] }),
    );
    isFull = true;
    expect(await store.update(append(1)).catch((error: Error) => error.message)).to.equal('disk full');
    expect(store.state()).to.deep.equal({ list: [] });
    isFull = false;
    await store.update(append(2));
    expect(await file().read()).to.deep.equal({ list: [2] });
  });
});
