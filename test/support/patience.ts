/** Limits are for what hangs, not for what is slow: an emulated machine says how many times longer it may take. */

const factor = (): number => Number(process.env['HOMEWARD_TEST_PATIENCE'] ?? 1);

/** The limit for this machine; the vm tier sets HOMEWARD_TEST_PATIENCE. */
export const patient = (limitMs: number): number => limitMs * factor();
