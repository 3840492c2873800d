// Mistakes in the configuration as people read them: file, line, column, the line with a caret, a suggestion
// (issue 3, "Config").

import { describe, expect, it } from 'vitest';
import { CONFIG, failureOf, Place } from './place.ts';

interface Row {
  readonly what: string;
  readonly config: string;
  /** Lines of stderr that must follow each other. */
  readonly shown: readonly string[];
}

const ROWS: readonly Row[] = [
  {
    what: 'an unknown key',
    config: CONFIG.replace('  packages:', '  pakages:'),
    shown: [
      'error: unknown key "pakages" in contents [CONFIG_UNKNOWN_KEY]',
      '   --> image.yaml:6:3',
      '    |',
      '  6 |   pakages:',
      '    |   ^',
      '  hint: did you mean "packages"?',
    ],
  },
  {
    what: 'broken YAML',
    config: 'contents:\n  packages: [app\narchs: [amd64]\n',
    shown: ['[CONFIG_SYNTAX]', '--> image.yaml:', '    |'],
  },
  {
    what: 'a list that is a text',
    config: CONFIG.replace('archs: [amd64, arm64]', 'archs: amd64'),
    shown: ['[CONFIG_INVALID]', '   --> image.yaml:9:8', '    |', '  9 | archs: amd64', '    |        ^'],
  },
  {
    what: 'a quoted number',
    config: `${CONFIG}paths:\n  - {path: /x, type: directory, permissions: '0755'}\n`,
    shown: [
      '[CONFIG_INVALID]',
      '    --> image.yaml:11:46',
      '     |',
      "  11 |   - {path: /x, type: directory, permissions: '0755'}",
    ],
  },
  {
    what: 'an unknown type of path',
    config: `${CONFIG}paths:\n  - {path: /x, type: directroy}\n`,
    shown: ['unknown path mutation type "directroy"', '--> image.yaml:11', 'hint: did you mean "directory"?'],
  },
  {
    what: 'an unknown architecture',
    config: CONFIG.replace('arm64', 'arm46'),
    shown: ['arm46', '--> image.yaml:9', '^', 'did you mean "arm64"'],
  },
  {
    what: 'a user without a name',
    config: `${CONFIG}accounts:\n  users:\n    - uid: 7\n`,
    shown: ['[CONFIG_INVALID]', '--> image.yaml:12'],
  },
  {
    what: 'a command that is not closed',
    config: `${CONFIG}entrypoint:\n  command: "sh -c 'x"\n`,
    shown: ['[CONFIG_INVALID]', '--> image.yaml:11', '  11 |   command: "sh -c \'x"'],
  },
  {
    what: 'an include that is not there',
    config: `include: bsae.yaml\n${CONFIG}`,
    shown: ['"bsae.yaml"', '[CONFIG_NOT_FOUND]', '--> image.yaml:1:10'],
  },
  {
    what: 'a repository line without URL',
    config: CONFIG.replace('./repository', '"@tag"'),
    shown: ['must be a URL or path, or "@tag URL" [CONFIG_INVALID]', '--> image.yaml:3:7', '    |       ^'],
  },
];

describe('a mistake in the configuration', () => {
  it.each(ROWS)('$what', async ({ config, shown }) => {
    const { exitCode, stderr } = await new Place(config).stave(['build', 'image.yaml', 'example.com/app:1', 'x.tar']);
    expect(exitCode).toBe(3);
    let at = 0;
    for (const line of shown) {
      const found = stderr.indexOf(line, at);
      expect(found, `${line}\nin\n${stderr}`).toBeGreaterThanOrEqual(at);
      at = found;
    }
  });

  it('points into the file that has it, when that is an included one', async () => {
    const place = new Place('include: base.yaml\n');
    place.write('base.yaml', CONFIG.replace('archs', 'arches'));
    const failure = failureOf(await place.stave(['show-config', 'image.yaml', '--json']));
    expect(failure.where).toMatchObject({ file: 'base.yaml', line: 9, column: 1, text: 'arches: [amd64, arm64]' });
    expect(failure.hint).toBe('did you mean "archs"?');
  });

  it('is the same for every command', async () => {
    const place = new Place(CONFIG.replace('archs', 'arches'));
    for (const argv of [
      ['build', 'example/app:1', 'y'],
      ['lock'],
      ['show-config'],
      ['show-packages'],
      ['dot'],
      ['why', 'x'],
      ['build-cpio', 'x'],
    ]) {
      const [command = '', ...rest] = argv;
      expect(failureOf(await place.stave([command, 'image.yaml', ...rest, '--json']))).toMatchObject({
        code: 'CONFIG_UNKNOWN_KEY',
        exitCode: 3,
        where: { line: 9, column: 1 },
      });
    }
  });

  it.each(['nothing.yaml', 'image.yaml/below', 'home'])('%s is no configuration', async (path) => {
    const failure = failureOf(await new Place().stave(['show-config', path, '--json']));
    expect(failure).toMatchObject({ code: 'CONFIG_NOT_FOUND', exitCode: 3 });
    expect(failure.message).toContain(`"${path}"`);
  });
});
