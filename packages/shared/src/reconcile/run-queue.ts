/** One run at a time; runs that are asked for while one is under way, and not begun, are one together. */

export interface Outcome {
  /** Plan lines of what was changed; empty when everything was right. */
  readonly changed: readonly string[];
  /** Plan lines of what differs and was left so. */
  readonly drift: readonly string[];
}

export interface RunQueue {
  /** A new wish that should be fulfilled at once may go by the last look, if all that are asked for together may. */
  reconcile(goBy?: 'last-look'): Promise<Outcome>;
  /** Whatever else must not meet a run. */
  exclusively<Value>(task: () => Promise<Value>): Promise<Value>;
}

export function createRunQueue(run: (mayGoByLastLook: boolean) => Promise<Outcome>): RunQueue {
  let queue: Promise<unknown> = Promise.resolve();
  let next: { readonly outcome: Promise<Outcome>; mayGoByLastLook: boolean } | null = null;

  function exclusively<Value>(task: () => Promise<Value>): Promise<Value> {
    const result = queue.then(task, task);
    queue = result;
    return result;
  }

  function begin(): Promise<Outcome> {
    const mayGoByLastLook = next?.mayGoByLastLook === true;
    next = null;
    return run(mayGoByLastLook);
  }

  return {
    exclusively,
    reconcile(goBy) {
      const asked = next ?? { mayGoByLastLook: true, outcome: exclusively(begin) };
      asked.mayGoByLastLook &&= goBy === 'last-look';
      next = asked;
      return asked.outcome;
    },
  };
}
