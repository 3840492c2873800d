import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ImagePlace, parseSourcePlace, parseTargetPlace, printPlace } from './image-place.ts';

const cwd = mkdtempSync(join(tmpdir(), 'stave-places-'));
beforeAll(() => {
  mkdirSync(join(cwd, 'out/layout'), { recursive: true });
  writeFileSync(join(cwd, 'out/layout/oci-layout'), '{}');
  writeFileSync(join(cwd, 'out/app.tar'), 'tar');
  writeFileSync(join(cwd, 'alpine'), 'a file that happens to be here');
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const short = (place: ImagePlace): string => printPlace(place).replace(`${cwd}/`, '');

describe('a source', () => {
  it.each([
    ['alpine', 'index.docker.io/library/alpine:latest'],
    ['ghcr.io/a/b:1', 'ghcr.io/a/b:1'],
    ['docker://ghcr.io/a/b:1', 'ghcr.io/a/b:1'],
    ['oci:out/layout', 'oci:out/layout'],
    ['oci:out/layout:v1', 'oci:out/layout:v1'],
    ['oci:none/such', 'oci:none/such'],
    ['docker-archive:x.tar', 'docker-archive:x.tar'],
    ['docker-archive:x.tar:a/b:1', 'docker-archive:x.tar:index.docker.io/a/b:1'],
    ['out/layout', 'oci:out/layout'],
    ['./out/layout/', 'oci:out/layout'],
    ['out/app.tar', 'docker-archive:out/app.tar'],
    // Nobody means a file of that name who does not say so.
    ['./alpine', 'docker-archive:alpine'],
  ])('%s is %s', (text, expected) => {
    expect(short(parseSourcePlace(text, cwd))).toBe(expected);
  });

  it.each([
    ['./none', 'USAGE_ARGUMENTS', 'neither an OCI layout nor an archive'],
    ['none.tar', 'USAGE_ARGUMENTS', 'neither an OCI layout nor an archive'],
    ['out/', 'USAGE_ARGUMENTS', 'neither an OCI layout nor an archive'],
    ['oci:', 'USAGE_ARGUMENTS', 'names no folder'],
    ['docker-archive:', 'USAGE_ARGUMENTS', 'names no file'],
    ['docker-archive:x.tar:A/b', 'IMAGE_INVALID', 'is not a repository name'],
    ['ghcr.io/A/b', 'IMAGE_INVALID', 'is not a repository name'],
  ])('%s is refused', (text, code, message) => {
    expect(() => parseSourcePlace(text, cwd)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});

describe('a target', () => {
  it.each([
    ['ghcr.io/a/b', 'ghcr.io/a/b:latest'],
    ['oci:new', 'oci:new'],
    ['oci:new:1.0', 'oci:new:1.0'],
    ['docker-archive:new.tar:a/b:1', 'docker-archive:new.tar:index.docker.io/a/b:1'],
    // What lies here does not matter: only its kind says what is meant.
    ['out/layout', 'index.docker.io/out/layout:latest'],
  ])('%s is %s', (text, expected) => {
    expect(short(parseTargetPlace(text, cwd))).toBe(expected);
  });

  it.each([
    ['./new', 'oci:./new for an OCI layout'],
    ['new/', 'oci:new/ for an OCI layout'],
    ['new.tar', 'docker-archive:new.tar for an archive'],
    [`ghcr.io/a/b@sha256:${'0'.repeat(64)}`, 'name a tag to copy to'],
  ])('%s is refused', (text, hint) => {
    expect(() => parseTargetPlace(text, cwd)).toThrow(
      expect.objectContaining({ code: 'USAGE_ARGUMENTS', hint: expect.stringContaining(hint) }),
    );
  });

  it('has drives', () => {
    expect(parseTargetPlace('oci:C:\\images', '/')).toMatchObject({ kind: 'layout', name: undefined });
    expect(parseTargetPlace('docker-archive:C:\\a.tar:x/y:1', '/')).toMatchObject({ name: 'index.docker.io/x/y:1' });
  });
});
