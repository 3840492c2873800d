import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findContainerEngine } from './container-engine.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stave-engine-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function engine(name: string, script: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

const environment = () => ({ PATH: `${folder}:/usr/bin:/bin` });
const MiB = 1024 * 1024;

describe('findContainerEngine', () => {
  it('takes the first one that works', async () => {
    engine('docker', 'echo "Cannot connect to the daemon" >&2; exit 1');
    engine('podman', 'exit 0');
    expect((await findContainerEngine(environment())).name).toBe('podman');
    engine('docker', 'exit 0');
    expect((await findContainerEngine(environment())).name).toBe('docker');
  });

  it('says of each why it does not', async () => {
    engine('docker', 'echo first >&2; echo "no daemon" >&2; exit 1');
    await expect(findContainerEngine({ PATH: folder })).rejects.toThrow(
      expect.objectContaining({
        code: 'FEATURE_UNSUPPORTED',
        notes: ['docker: "docker version" failed', 'podman: not installed (or not in PATH)'].map((note) =>
          note.startsWith('docker') ? expect.stringMatching(/^docker: (no daemon|"docker version" failed)$/) : note,
        ),
      }),
    );
  });
});

describe('load', () => {
  it('streams the archive, also a large one from buffers that are used again', async () => {
    engine('docker', `[ "$1" = load ] && cat > "${join(folder, 'got')}" || exit 0`);
    const { load } = await findContainerEngine(environment());
    const buffer = Buffer.alloc(MiB);
    await load(async (write) => {
      for (let i = 0; i < 8; i++) {
        buffer.fill(i);
        await write(buffer);
      }
    });
    const got = readFileSync(join(folder, 'got'));
    expect(got.length).toBe(8 * MiB);
    for (let i = 0; i < 8; i++) expect(got[i * MiB + 5]).toBe(i);
  });

  it('fails with the last words of an engine that leaves early', async () => {
    engine('docker', '[ "$1" = load ] && { echo "no space left" >&2; exit 1; }; exit 0');
    const { load } = await findContainerEngine(environment());
    const loading = load(async (write) => {
      for (let i = 0; i < 64; i++) await write(Buffer.alloc(MiB));
    });
    await expect(loading).rejects.toThrow(expect.objectContaining({ code: 'ENGINE_FAILED', notes: ['no space left'] }));
  });

  it('does not let half an archive pass for a whole one', async () => {
    engine('docker', `[ "$1" = load ] && { cat > /dev/null && touch "${join(folder, 'done')}"; }; exit 0`);
    const { load } = await findContainerEngine(environment());
    const loading = load(async (write) => {
      await write(Buffer.alloc(10));
      throw new Error('the source broke off');
    });
    await expect(loading).rejects.toThrow('the source broke off');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(existsSync(join(folder, 'done'))).toBe(false);
  });
});
