/** A store whose changes are told in the audit log: by comparing what was stored before and after, so that none is forgotten. */

import type { Store } from '../host/store.js';
import type { Audit } from './audit-log.js';
import type { AuditEntry } from './record.js';

/** What a change of the state means; none for what nobody asked for, such as a session's facts. Pure. */
export type ChangesOf<State> = (before: State, after: State) => readonly AuditEntry[];

/** The same store; what is changed through it is recorded in `audit`, once it is stored. */
export function auditedStore<State>(store: Store<State>, audit: Audit, changesOf: ChangesOf<State>): Store<State> {
  return {
    state: store.state,
    async update(change) {
      let entries = (): readonly AuditEntry[] => [];
      const result = await store.update((before) => {
        const changed = change(before);
        entries = () => (changed.state === before ? [] : changesOf(before, changed.state));
        return changed;
      });
      for (const entry of entries()) audit.record(entry);
      return result;
    },
  };
}
