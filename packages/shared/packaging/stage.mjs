/** Writes files that are values into a directory, all with one time. */
import { chmod, lutimes, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** `files` as of files.mjs; every directory on the way is 0755, whatever the umask. */
export const writeTree = async (root, files, date) => {
  const directories = new Set([root]);
  for (const { path, content, mode, target } of files) {
    const full = join(root, path);
    for (let folder = dirname(full); folder.length > root.length; folder = dirname(folder)) directories.add(folder);
    await mkdir(dirname(full), { recursive: true });
    if (target !== undefined) await symlink(target, full);
    else {
      await writeFile(full, content);
      await chmod(full, mode);
    }
    await lutimes(full, date, date);
  }
  // Each from below, since a new entry changes its directory's time.
  for (const folder of [...directories].sort((a, b) => b.length - a.length)) {
    await chmod(folder, 0o755);
    await lutimes(folder, date, date);
  }
};
