/** Limits are for what hangs, not for what is slow: an emulated machine says how many times longer it may take. */

const factor = (): number => Number(process.env['HOMEWARD_TEST_PATIENCE'] ?? 1);

/** The limit for this machine; the vm tier sets HOMEWARD_TEST_PATIENCE. */
export const patient = (limitMs: number): number => limitMs * factor();

/** True where the programs' own limits, made for real machines, may be too short. */
export const isEmulated = (): boolean => factor() > 1;
