// `stave keys generate`, `keys import <key>` and `keys public <key>` (signing.md 5).

import type { KeyFiles } from '../../operations/sign/keys.ts';
import { textFlag } from '../flags.ts';
import type { CommandRun, Session } from '../session.ts';
import { signingHost } from '../signing-flags.ts';
import { printable } from '../ui/printable.ts';

export const runKeysGenerate: CommandRun = async (session, _args, flags) => {
  const { generateKeys } = await session.operations();
  const prefix = textFlag(flags, 'outputKeyPrefix') ?? 'cosign';
  printFiles(await generateKeys(prefix, signingHost(session, flags)), session);
  return 0;
};

export const runKeysImport: CommandRun = async (session, [key = ''], flags) => {
  const { importKeys } = await session.operations();
  const prefix = textFlag(flags, 'outputKeyPrefix') ?? 'import-cosign';
  printFiles(await importKeys(key, prefix, signingHost(session, { ...flags, key })), session);
  return 0;
};

export const runKeysPublic: CommandRun = async (session, [key = ''], flags) => {
  const { publicKeyOfPrivate } = await session.operations();
  const pem = await publicKeyOfPrivate(key, signingHost(session, { ...flags, key }));
  session.result({ pem }, pem);
  return 0;
};

function printFiles(files: KeyFiles, session: Session): void {
  const { privatePath, publicPath } = files;
  const [secret, open] = [privatePath, publicPath].map((path) => printable(session.shortPath(path)));
  session.result(files, `${secret}: the private key, sealed; keep it to yourself\n${open}: the public key\n`);
}
