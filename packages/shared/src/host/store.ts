/** State behind a small interface: one writer, one durable write a change. */

import type { JsonFile } from './json-file.js';

export interface Store<State> {
  state(): State;
  /** Applies a pure change to the newest state and stores it; changes run one after another. A change that throws changes nothing. */
  update<Result>(change: (state: State) => { state: State; result: Result }): Promise<Result>;
}

/** Opens the file; `initial` makes the first state where there is none. */
export async function openStore<State>(
  file: Pick<JsonFile<State>, 'read' | 'write'>,
  initial: () => Promise<State>,
): Promise<Store<State>> {
  let current = await file.read();
  if (current === null) {
    current = await initial();
    await file.write(current);
  }
  let state: State = current;
  let queue: Promise<unknown> = Promise.resolve();
  return {
    state: () => state,
    update(change) {
      const run = queue.then(async () => {
        const changed = change(state);
        if (changed.state !== state) {
          await file.write(changed.state);
          state = changed.state;
        }
        return changed.result;
      });
      queue = run.catch(() => undefined);
      return run;
    },
  };
}
