// `paths:` of the configuration, applied in order to the finished package tree (image-config.md 8).

import { Failure, failingWithin } from '../../base/failure.ts';
import type { PathMutation } from '../config/image-config.ts';
import type { FileTree } from './file-tree.ts';

/** Applies one entry of `paths:`; what it fails with names type and path. */
export function applyPathMutation(tree: FileTree, mutation: PathMutation): void {
  failingWithin(`${mutation.type} "${mutation.path}"`, () => applyHere(tree, mutation));
}

function applyHere(tree: FileTree, mutation: PathMutation): void {
  create(tree, mutation);
  // The reference applies mode and owner for every type, through symlinks: a `symlink` mutation changes its target.
  setAttributes(tree, mutation.path, mutation);
  if (mutation.recursive) {
    for (const { path } of tree.walkBelow(mutation.path)) setAttributes(tree, path, mutation);
  }
}

function create(tree: FileTree, mutation: PathMutation): void {
  const parent = mutation.path.replace(/\/+$/, '').split('/').slice(0, -1).join('/');
  switch (mutation.type) {
    case 'directory':
      tree.mkdirAll(mutation.path, mutation.permissions & 0o7777);
      return;
    case 'empty-file':
      tree.mkdirAll(parent, 0o755);
      tree.writeFile(mutation.path, '', 0o644);
      return;
    case 'hardlink': {
      tree.mkdirAll(parent, 0o755);
      const source = tree.lookup(mutation.source);
      if (source === undefined) throw new Failure('PATH_INVALID', `the source "${mutation.source}" does not exist`);
      if (source.kind === 'directory')
        throw new Failure('PATH_INVALID', `the source "${mutation.source}" is a directory`);
      tree.remove(mutation.path);
      tree.link(source, mutation.path);
      return;
    }
    case 'symlink':
      tree.mkdirAll(parent, 0o755);
      tree.symlink(mutation.source, mutation.path);
      return;
    case 'permissions':
      return;
    default:
      throw new Failure('PATH_INVALID', `unknown type "${mutation.type}"`, {
        hint: 'known types: directory, empty-file, hardlink, symlink, permissions',
      });
  }
}

function setAttributes(tree: FileTree, path: string, mutation: PathMutation): void {
  tree.chmod(path, mutation.permissions);
  if (mutation.uid !== undefined || mutation.gid !== undefined) tree.chown(path, mutation.uid ?? 0, mutation.gid ?? 0);
}
