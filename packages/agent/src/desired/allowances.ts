/** What firewalls of others have to let through at the backend: flows of our slots to hosts behind it, which our own table has let in. Pure. */

import { dockerRule } from '@homeward/shared/kernel/docker-user';
import type { Family } from '@homeward/shared/net/address';
import { BACKEND_TABLE, MARK_MASK, slotNumbers } from '@homeward/shared/net/allocation';
import type { Allowance } from '@homeward/shared/state/resources';

/** `docker` are the families of which Docker's chain is there. Both directions of a flow carry its mark. */
export function backendAllowances(slots: readonly number[], docker: readonly Family[]): Allowance[] {
  return docker.flatMap((family) =>
    slots.map((slot) => {
      const connectionMark = { value: slotNumbers(slot).mark, mask: MARK_MASK };
      return { kind: 'allowance', family, rule: dockerRule(family, { connectionMark }, BACKEND_TABLE) };
    }),
  );
}
