// accountable/: install scripts that nobody ran, and which of their commands have their effect in the image all the same.
// Scripts are read, never run. A command counts as reproduced only if its effect is seen in the tree; what we do not
// understand counts as missing.

import { Failure } from '../../base/failure.ts';
import { readTar } from '../../formats/tar/read.ts';
import type { FileTree } from '../rootfs/file-tree.ts';
import type { Observation, UnrunScript } from './finding.ts';
import { type ImageAccounts, readAccounts } from './image-accounts.ts';
import { readSmallFile } from './text-file.ts';
import { resolvePath } from './tree-paths.ts';

/** Scripts of a thousand packages stay below 1 MiB. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_SCRIPT_BYTES = 256 * 1024;

/** What runs on a fresh installation, in the order of apk. */
const INSTALL_SCRIPTS: readonly string[] = ['pre-install', 'post-install', 'trigger'];

/** Scripts of an image that was built without running any: apko and stave leave their mark. */
export function readUnrunScripts(tree: FileTree): UnrunScript[] {
  if (resolvePath(tree, 'etc/apko.json')?.node.kind !== 'file') return [];
  const accounts = readAccounts(tree);
  return scriptMembers(tree).map(({ name, script, text }) => {
    const commands = commandsOf(text);
    const isReproduced = (command: string) => hasEffect(command, tree, accounts);
    return {
      package: name,
      script,
      reproduced: commands.filter(isReproduced),
      missing: commands.filter((command) => !isReproduced(command)),
    };
  });
}

export function checkInstallScripts(scripts: readonly UnrunScript[]): Observation[] {
  return scripts
    .filter(({ missing }) => missing.length > 0)
    .map(({ package: name, script, reproduced, missing }) => {
      const some = reproduced.length === 0 ? '' : `; ${reproduced.length} of its commands had their effect`;
      const message = `the ${script} script of ${name} was not run, which would have done: ${shown(missing)}${some}`;
      return { check: 'accountable/script-not-run', package: name, message };
    });
}

function shown(commands: readonly string[]): string {
  const [first = '', ...others] = commands;
  const short = first.length > 100 ? `${first.slice(0, 99)}…` : first;
  return others.length === 0 ? `"${short}"` : `"${short}" and ${others.length} more`;
}

interface ScriptMember {
  readonly name: string;
  readonly script: string;
  readonly text: string;
}

/** Members of scripts.tar are called `NAME-VERSION.CHECKSUM.SCRIPT`. */
function scriptMembers(tree: FileTree): ScriptMember[] {
  const bytes =
    readSmallFile(tree, 'usr/lib/apk/db/scripts.tar', MAX_BYTES) ??
    readSmallFile(tree, 'lib/apk/db/scripts.tar', MAX_BYTES);
  if (bytes === undefined) return [];
  return entriesOf(bytes).flatMap(({ name, offset, size }): ScriptMember[] => {
    const [, label = '', script = ''] = /^(.*)\.Q1[A-Za-z0-9+/]{27}=\.([a-z-]+)$/.exec(name) ?? [];
    if (!INSTALL_SCRIPTS.includes(script)) return [];
    const text = bytes.toString('utf8', offset, offset + Math.min(size, MAX_SCRIPT_BYTES));
    return [{ name: label.replace(/-[^-]+-r\d+$/, ''), script, text }];
  });
}

function entriesOf(bytes: Buffer): ReturnType<typeof readTar> {
  try {
    return readTar(bytes);
  } catch (error) {
    // A damaged database of a foreign image tells of no scripts.
    if (error instanceof Failure) return [];
    throw error;
  }
}

/** Lines that do something; what only says, decides or ends does not. */
function commandsOf(text: string): string[] {
  return text
    .replace(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.trim().replace(/\s+/g, ' '))
    .filter((line) => line !== '' && !line.startsWith('#') && !IDLE.test(line));
}

const IDLE =
  /^(?:echo|printf|cat <<|exit|return|set|true|false|:|if|then|else|elif|fi|for|do|done|while|case|esac|\w+\)|;;|\{|\}|local|shift|\[|test|[A-Za-z_]\w*=\S*$)(?:\s|;|$)|^[A-Za-z_]\w*=\S*$|^\w+\(\) ?\{?$/;

/** Effects that builders reproduce, each with its proof in the tree. Further words (`2>/dev/null`, `|| true`) do not matter. */
function hasEffect(command: string, tree: FileTree, accounts: ImageAccounts): boolean {
  const words = command.split(/ (?:\d?>|\|\||&&|;)|;/)[0]?.split(' ') ?? [];
  const program = (words[0] ?? '').replace(/^.*\//, '');
  const names = words.slice(1).filter((word) => /^[a-z_][\w.-]*$/.test(word));
  const isThere = (path: string) => resolvePath(tree, path) !== undefined;
  switch (program) {
    case 'adduser':
    case 'useradd':
      return accounts.users.some(({ name }) => names.includes(name));
    case 'addgroup':
    case 'groupadd':
      return accounts.groups.some(({ name }) => names.includes(name));
    case 'ldconfig':
      return isThere('etc/ld.so.cache');
    case 'update-ca-certificates':
      return isThere('etc/ssl/certs/ca-certificates.crt');
    case 'busybox':
      return words[1] === '--install' && isThere('bin/sh');
    case 'mkdir':
    case 'touch':
      return words
        .slice(1)
        .filter((word) => word.startsWith('/'))
        .every(isThere);
    default:
      return false;
  }
}
