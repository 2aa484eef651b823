/** What must be remembered about the kernel to leave it as it was found: sysctl values before ours, digests of applied tables. */

import { z } from 'zod';
import type { JsonFile } from '../host/json-file.js';

/** Fields with a default came later: a file of an older version has none. */
export const ledgerSchema = z.strictObject({
  version: z.literal(1),
  /** Boot and network namespace this is about; records of another one are void. */
  kernel: z.string(),
  sysctls: z.record(z.string(), z.strictObject({ before: z.string(), ours: z.string(), links: z.array(z.string()) })),
  /** Links that we made; one that merely has such a name is a stranger's. */
  links: z.array(z.string()),
  /** UDP ports whose GRE the kernel takes at our word. */
  fouPorts: z.array(z.int()).default([]),
  tables: z.record(z.string(), z.strictObject({ fingerprint: z.string(), digest: z.string() })),
});

export type LedgerRecord = z.infer<typeof ledgerSchema>;

export interface Ledger {
  current(): LedgerRecord;
  /** Replaces the record; durable when it returns. For what must be known before the kernel is changed. */
  save(record: LedgerRecord): Promise<void>;
  /** Replaces the record by what is true of the kernel now, also where that cannot be stored: then it throws, and knows it until it ends. */
  learn(record: LedgerRecord): Promise<void>;
}

/** Loads the ledger; starts a new one when there is none or the machine was booted since. */
export async function openLedger(
  file: Pick<JsonFile<LedgerRecord>, 'read' | 'write'>,
  kernel: string,
): Promise<Ledger> {
  const stored = await file.read();
  let record: LedgerRecord =
    stored?.kernel === kernel ? stored : { version: 1, kernel, sysctls: {}, links: [], fouPorts: [], tables: {} };
  return {
    current: () => record,
    async save(next) {
      await file.write(next);
      record = next;
    },
    async learn(next) {
      record = next;
      await file.write(next);
    },
  };
}
