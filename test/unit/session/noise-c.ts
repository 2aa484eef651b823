/** Loads noise-c.wasm, another implementation of Noise, with the types of what the tests call. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export interface NoiseCipher {
  EncryptWithAd(ad: Uint8Array, plaintext: Uint8Array): Uint8Array;
  DecryptWithAd(ad: Uint8Array, ciphertext: Uint8Array): Uint8Array;
}

export interface NoiseHandshake {
  Initialize(prologue: Uint8Array, ownSecret: Uint8Array, remotePublic?: Uint8Array): void;
  WriteMessage(payload?: Uint8Array): Uint8Array;
  ReadMessage(message: Uint8Array, payloadNeeded: boolean): Uint8Array;
  /** Only before `Split`. */
  GetHandshakeHash(): Uint8Array;
  GetRemotePublicKey(): Uint8Array;
  /** Sending, receiving. */
  Split(): [NoiseCipher, NoiseCipher];
}

export interface NoiseC {
  readonly constants: { readonly NOISE_ROLE_INITIATOR: number; readonly NOISE_ROLE_RESPONDER: number };
  HandshakeState(protocolName: string, role: number): NoiseHandshake;
}

type CreateNoise = (options: { wasmBinary: Uint8Array }, ready: (noise: NoiseC) => void) => void;

/** The package installs listeners that end the process at any unhandled rejection; they are taken away again. */
export function loadNoiseC(): Promise<NoiseC> {
  const require = createRequire(import.meta.url);
  const events = ['unhandledRejection', 'uncaughtException'] as const;
  const before = events.map((event) => new Set<unknown>(process.listeners(event as 'unhandledRejection')));
  const createNoise: CreateNoise = require('noise-c.wasm');
  return new Promise((resolve) => {
    createNoise({ wasmBinary: readFileSync(require.resolve('noise-c.wasm/src/noise-c.wasm')) }, (noise) => {
      events.forEach((event, index) => {
        for (const listener of process.listeners(event as 'unhandledRejection')) {
          if (!before[index]?.has(listener)) process.removeListener(event, listener);
        }
      });
      resolve(noise);
    });
  });
}
