/** Takes the kernel out of its self-extracting image: emulated, unpacking it would take five seconds at every boot. */
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { execa } from 'execa';

/** Fields of the setup header: Documentation/arch/x86/boot.rst of Linux, "The Real-Mode Kernel Header". */
const header = { setupSectors: 0x1f1, payloadOffset: 0x248, payloadLength: 0x24c } as const;
const sectorBytes = 512;
const xzMagic = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]);
/** The payload ends with its unpacked size, which is not part of the xz stream. */
const sizeBytes = 4;

/** Writes the ELF image, which QEMU starts by its PVH entry. What is packed otherwise than by xz stays as it is. */
export const unpackKernelImage = async (image: string, target: string): Promise<void> => {
  const bytes = await readFile(image);
  const start = (1 + bytes.readUInt8(header.setupSectors)) * sectorBytes + bytes.readUInt32LE(header.payloadOffset);
  const payload = bytes.subarray(start, start + bytes.readUInt32LE(header.payloadLength) - sizeBytes);
  if (!payload.subarray(0, xzMagic.length).equals(xzMagic)) {
    await copyFile(image, target);
    return;
  }
  const { stdout } = await execa('xz', ['--decompress', '--stdout', '--single-stream'], {
    input: payload,
    encoding: 'buffer',
    maxBuffer: 500_000_000,
  });
  await writeFile(target, stdout);
};
