/** State behind a small interface: one writer, and no change is done before it is stored durably. */

import type { JsonFile } from './json-file.js';

export interface Store<State> {
  state(): State;
  /**
   * Applies a pure change to the newest state and stores it; changes run one after another. A change that throws changes
   * nothing. One may be asked again, of another state, if what was to be stored together with it could not be.
   */
  update<Result>(change: Change<State, Result>): Promise<Result>;
}

type Change<State, Result> = (state: State) => { state: State; result: Result };

/** A change that waits to be stored. */
interface Waiting<State> {
  /** Applies it; what it throws is dealt with, and `settle` tells its caller later, once it is stored. */
  apply(state: State): State;
  settle(): void;
  fail(error: unknown): void;
}

/** Opens the file; `initial` makes the first state where there is none. Changes that come while one is being written are written together. */
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
  let waiting: Waiting<State>[] = [];
  let isWriting = false;

  async function store(changes: readonly Waiting<State>[]): Promise<void> {
    const changed = changes.reduce((before, change) => change.apply(before), state);
    if (changed !== state) await file.write(changed);
    state = changed;
    for (const change of changes) change.settle();
  }

  async function storeWaiting(): Promise<void> {
    while (waiting.length > 0) {
      const together = waiting;
      waiting = [];
      await store(together).catch(async (error: unknown) => {
        const [only, ...others] = together;
        if (others.length === 0) only?.fail(error);
        // Some of them may change nothing, and each is to hear what became of itself.
        else for (const change of together) await store([change]).catch(change.fail);
      });
    }
    isWriting = false;
  }

  return {
    state: () => state,
    update(change) {
      return new Promise((resolve, reject) => {
        waiting.push(waitingChange(change, resolve, reject));
        if (isWriting) return;
        isWriting = true;
        // What is asked for in the same breath is written together.
        queueMicrotask(() => void storeWaiting());
      });
    },
  };
}

function waitingChange<State, Result>(
  change: Change<State, Result>,
  resolve: (result: Result) => void,
  reject: (error: unknown) => void,
): Waiting<State> {
  let settle = (): void => {};
  return {
    apply(before) {
      try {
        const { state, result } = change(before);
        settle = () => resolve(result);
        return state;
      } catch (error) {
        settle = () => reject(error);
        return before;
      }
    },
    settle: () => settle(),
    fail: reject,
  };
}
