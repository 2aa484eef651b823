/** Compiles and bundles everything, the tests included. */
import { mustRun } from './command.mjs';

/** Throws the compiler's messages if the build fails. */
export const build = async (say) => {
  say('npm run build');
  await mustRun('npm', ['run', '--silent', 'build']);
};
