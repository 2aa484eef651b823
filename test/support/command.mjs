/** Runs one command to its end for the scripts that work before anything is installed. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The repository's root. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/**
 * Resolves with {code, output}; `code` is null if a signal or the limit ended it. Output goes to our own streams too,
 * unless `quiet`. The process gets a group of its own, so that at the limit its children end with it.
 */
export const runCommand = (file, args, { quiet = false, limitMs = 600_000, env = process.env } = {}) =>
  new Promise((resolve) => {
    const child = spawn(file, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let output = '';
    const take = (stream) => (data) => {
      output += data;
      if (!quiet) stream.write(data);
    };
    child.stdout.on('data', take(process.stdout));
    child.stderr.on('data', take(process.stderr));
    const endGroup = (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch (error) {
        if (error.code !== 'ESRCH') throw error;
      }
    };
    const interrupted = () => {
      endGroup('SIGTERM');
      process.exitCode = 130;
    };
    process.once('SIGINT', interrupted);
    process.once('SIGTERM', interrupted);
    const timer = setTimeout(() => {
      output += `\nno end after ${limitMs / 1000} s\n`;
      endGroup('SIGKILL');
    }, limitMs);
    const finish = (code) => {
      clearTimeout(timer);
      process.off('SIGINT', interrupted);
      process.off('SIGTERM', interrupted);
      resolve({ code, output });
    };
    child.once('error', (error) => {
      output += `${file}: ${error.message}`;
      finish(null);
    });
    child.once('close', finish);
  });

/** Runs a command quietly; throws its output if it fails. */
export const mustRun = async (file, args, options = {}) => {
  const { code, output } = await runCommand(file, args, { quiet: true, ...options });
  if (code !== 0) throw new Error(`${file} ${args.join(' ')} failed (${code}):\n${output}`);
  return output;
};
