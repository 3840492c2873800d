// locked/: what gives rights to whoever happens to run in the container: modes, device nodes, file capabilities.

import type { DeviceNode, TreeNode } from '../rootfs/tree-node.ts';
import type { Observation } from './finding.ts';
import type { ImageFiles } from './image-files.ts';

const SETUID = 0o4000;
const SETGID = 0o2000;
const STICKY = 0o1000;
const WORLD_WRITABLE = 0o002;

/** Where everybody may put files, if nobody may take away another's. */
const TEMPORARY_DIRECTORIES = new Set(['tmp', 'var/tmp', 'dev/shm', 'dev/mqueue', 'run/lock', 'run/shm', 'var/lock']);

/** `dev/null` -> `1,3`: the nodes that a runtime makes anyway. */
const USUAL_DEVICES: Readonly<Record<string, string>> = {
  'dev/null': '1,3',
  'dev/zero': '1,5',
  'dev/random': '1,8',
  'dev/urandom': '1,9',
  'dev/console': '5,1',
};

const CAPABILITY_ATTRIBUTE = 'security.capability';

export function checkPermissions(files: ImageFiles): Observation[] {
  // Of a node that is not among them there is nothing to say.
  return files.special.flatMap(({ path, node }) => checkNode(path, node));
}

function checkNode(path: string, node: TreeNode): Observation[] {
  const observations: Observation[] = [];
  const add = (check: Observation['check'], what: string) => {
    observations.push({ check, path, message: `${path} ${what}` });
  };
  const mode = `mode 0o${node.mode.toString(8)}`;
  if (node.kind === 'device') {
    if (node.type !== '6' && !isUsualDevice(path, node)) {
      add(
        'locked/device-node',
        `is a device node (${node.type === '3' ? 'character' : 'block'} ${node.major},${node.minor})`,
      );
    }
    return observations;
  }
  if (node.kind === 'file') {
    if ((node.mode & SETUID) !== 0) add('locked/setuid', `runs as its owner, uid ${node.uid} (${mode})`);
    if ((node.mode & SETGID) !== 0) add('locked/setgid', `runs as its group, gid ${node.gid} (${mode})`);
    if (node.xattrs.has(CAPABILITY_ATTRIBUTE)) add('locked/file-capability', 'has file capabilities');
  }
  const isTemporary = node.kind === 'directory' && (node.mode & STICKY) !== 0 && TEMPORARY_DIRECTORIES.has(path);
  if ((node.mode & WORLD_WRITABLE) !== 0 && !isTemporary)
    add('locked/world-writable', `is writable for everybody (${mode})`);
  return observations;
}

function isUsualDevice(path: string, { type, major, minor }: DeviceNode): boolean {
  return type === '3' && USUAL_DEVICES[path] === `${major},${minor}`;
}
