// The supervision tree of entrypoint.services (layer-and-oci.md 4).

import { describe, expect, it } from 'vitest';
import { dumpTree, emptyTree } from '../../../test/support/trees.ts';
import { applyServices } from './services.ts';

describe('applyServices', () => {
  it('makes a folder and a script for each service', () => {
    const tree = emptyTree();
    applyServices(tree, { web: '/usr/bin/web --port 80', cron: 'crond -f' });
    expect(dumpTree(tree)).toEqual([
      '0777 0:0 0 sv/',
      '0777 0:0 0 sv/cron/',
      '0755 0:0 0 sv/cron/run = #!/bin/execlineb\ncrond -f\n',
      '0777 0:0 0 sv/web/',
      '0755 0:0 0 sv/web/run = #!/bin/execlineb\n/usr/bin/web --port 80\n',
    ]);
  });

  it('leaves the modes of folders and scripts that are there', () => {
    const tree = emptyTree();
    tree.mkdirAll('sv/web', 0o700);
    tree.writeFile('sv/web/run', 'old', 0o600);
    applyServices(tree, { web: 'new' });
    expect(tree.lookup('sv/web')).toMatchObject({ mode: 0o700 });
    expect(tree.lookup('sv/web/run')).toMatchObject({ mode: 0o600 });
    expect(tree.readText('sv/web/run')).toBe('#!/bin/execlineb\nnew\n');
  });

  it('makes nothing without services, and cannot leave the image', () => {
    const tree = emptyTree();
    applyServices(tree, {});
    expect(dumpTree(tree)).toEqual([]);
    applyServices(tree, { '../../up': 'x' });
    expect(tree.lookup('up/run')).toMatchObject({ kind: 'file' });
  });

  it('refuses a file where the folder should be', () => {
    const tree = emptyTree();
    tree.writeFile('sv', 'a file', 0o644);
    expect(() => applyServices(tree, { web: 'x' })).toThrow(expect.objectContaining({ code: 'PATH_INVALID' }));
  });
});
