// `stave keys generate|import|public`: key pairs as files that cosign and stave share (signing.md 5).
// A private key is written once, for its owner alone, and never over another file.

import { open, unlink } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { failingUnwritable } from '../../effects/output/atomic-file.ts';
import { generateKeyPair, importKeyPair, type KeyPair } from '../../effects/signing/key-pair.ts';
import { readNewPassword, type SecretSources } from '../../effects/signing/secret-sources.ts';
import { readSigningKey } from '../../effects/signing/signing-key.ts';

export interface KeyFiles {
  readonly privatePath: string;
  readonly publicPath: string;
}

/** Makes `<prefix>.key` and `<prefix>.pub`. Failures KEY_PASSWORD, FILE_UNWRITABLE where one of them is there. */
export async function generateKeys(prefix: string, sources: SecretSources): Promise<KeyFiles> {
  const paths = pathsOf(prefix, sources);
  return await writePair(paths, async () => await generateKeyPair(await readNewPassword(paths.privatePath, sources)));
}

/**
 * The same from an existing private key, sealed with the password of the environment or the question. Failures as
 * `generateKeys` and of `readSigningKey`.
 */
export async function importKeys(reference: string, prefix: string, sources: SecretSources): Promise<KeyFiles> {
  const paths = pathsOf(prefix, sources);
  return await writePair(
    paths,
    async () => await importKeyPair(reference, await readNewPassword(paths.privatePath, sources), sources),
  );
}

/** PEM text. Failures of `readSigningKey`. */
export async function publicKeyOfPrivate(reference: string, sources: SecretSources): Promise<string> {
  return (await readSigningKey(reference, sources)).publicKey.pem;
}

function pathsOf(prefix: string, { cwd }: SecretSources): KeyFiles {
  return { privatePath: resolve(cwd, `${prefix}.key`), publicPath: resolve(cwd, `${prefix}.pub`) };
}

/** Takes both places before it makes the keys, and gives them back where that fails. */
async function writePair(paths: KeyFiles, make: () => Promise<KeyPair>): Promise<KeyFiles> {
  const { privatePath, publicPath } = paths;
  const privateFile = await openNew(privatePath, 0o600);
  const publicFile = await openNew(publicPath, 0o644).catch(async (error: unknown) => {
    await privateFile.close();
    await unlink(privatePath);
    throw error;
  });
  try {
    const { privatePem, publicPem } = await make();
    await failingUnwritable(privatePath, () => privateFile.writeFile(privatePem));
    await failingUnwritable(publicPath, () => publicFile.writeFile(publicPem));
    return paths;
  } catch (error) {
    await unlink(privatePath);
    await unlink(publicPath);
    throw error;
  } finally {
    await privateFile.close();
    await publicFile.close();
  }
}

async function openNew(path: string, mode: number) {
  const handle = await open(path, 'wx', 0o600).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EEXIST') return failingUnwritable(path, () => Promise.reject(cause));
    throw new Failure('FILE_UNWRITABLE', `${path} is there already, and keys are never overwritten`, {
      hint: 'Choose another name, or move the old key away.',
    });
  });
  await failingUnwritable(path, () => handle.chmod(mode));
  return handle;
}
