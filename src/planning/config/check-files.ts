// What is wrong in `files:` and `ports:` only in combination. Pure: finds, never throws.

import type { FileGroup, FileSource } from './file-group.ts';
import type { ImageConfig } from './image-config.ts';
import type { Report } from './problem.ts';

export function checkFiles({ files, ports }: ImageConfig, report: Report): void {
  files.forEach((group, i) => {
    const first = files.findIndex(({ name }) => name === group.name);
    if (first < i) report(['files', i, 'name'], `files has two groups with the name "${group.name}"`);
    checkGroup(group, i, report);
  });
  ports.forEach((port, i) => {
    const number = Number.parseInt(port, 10);
    if (number > 65_535) report(['ports', i], `the port ${number} is too large; the most is 65535`);
    if (ports.indexOf(port) < i) report(['ports', i], `the port ${port} is given twice`);
  });
}

function checkGroup(group: FileGroup, i: number, report: Report): void {
  const { name, version, versionFrom, files, image, paths } = group;
  const isCopy = image !== '';
  if (version !== '' && versionFrom !== '') {
    report(
      ['files', i, 'version-from'],
      `the group "${name}" has both version and version-from`,
      'leave out one of them',
    );
  }
  // A digest is version enough.
  if (version === '' && versionFrom === '' && !isCopy) {
    report(['files', i], `the group "${name}" has no version`, 'add "version: 1.0" or "version-from: git"');
  }
  if (isCopy && files.length > 0) {
    report(['files', i, 'files'], `the group "${name}" has both files and an image`, 'make two groups of them');
  }
  if (isCopy && paths.length === 0) {
    report(['files', i], `the group "${name}" copies nothing out of its image`, 'add "paths"');
  }
  if (!isCopy && paths.length > 0) {
    report(['files', i, 'paths'], `the group "${name}" has paths but no image`, 'add "image", or use "files"');
  }
  if (!isCopy && files.length === 0) report(['files', i], `the group "${name}" has no files`, 'add "files"');
  paths.forEach((path, p) => {
    if (climbs(path)) report(['files', i, 'paths', p], `"${path}" has a ".." in it`);
  });
  files.forEach((source, f) => {
    checkSource(source, (key, message, hint) => {
      report(['files', i, 'files', f, ...(key === '' ? [] : [key])], message, hint);
    });
  });
}

function checkSource(source: FileSource, report: (key: string, message: string, hint?: string) => void): void {
  const { from, inline, url, sha256, to, exclude, mode } = source;
  const given = [from !== '', inline !== undefined, url !== ''].filter(Boolean).length;
  if (given === 0) report('', `nothing says what goes to ${to}`, 'add "from", "inline" or "url"');
  if (given > 1) report('', `several things would go to ${to}`, 'only one of "from", "inline" and "url" can be said');
  if (climbs(to)) report('to', `"${to}" has a ".." in it`);
  if (/^\/+$/.test(to) && from === '') report('to', `"${to}" is the root folder, not a file`, 'name the file');
  if (url !== '' && sha256 === '') {
    report('url', 'a download needs sha256', 'so that everybody gets the same bytes, today and next year');
  }
  if (url !== '' && !URL.canParse(url)) report('url', `"${url}" is no valid URL`);
  if (url === '' && sha256 !== '') report('sha256', 'sha256 says what "url" has, and there is none');
  if (from === '' && exclude.length > 0) report('exclude', 'only "from" can exclude something');
  if (mode !== undefined && (mode & 0o6000) !== 0 && from !== '' && to.endsWith('/')) {
    report('mode', 'a setuid or setgid mode is for a single file', 'name the file in "from" and in "to"');
  }
}

function climbs(path: string): boolean {
  return path.split('/').includes('..');
}
