/** Limits are for what hangs, not for what is slow: an emulated machine says how many times longer it may take. */

/** The limit for this machine; tests that run in a guest set HOMEWARD_TEST_PATIENCE. */
export const patient = (limitMs: number): number => limitMs * Number(process.env['HOMEWARD_TEST_PATIENCE'] ?? 1);
