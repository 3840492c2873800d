// What is wrong in a configuration only in combination, and what validation fills in (image-config.md 3 to 8).
// Single values are checked when the file is read (load.ts).

import type { SourcePlace } from '../../base/failure.ts';
import { Failure } from '../../base/failure.ts';
import { checkFiles } from './check-files.ts';
import { applyFlags, type ConfigFlags } from './flags.ts';
import type { ImageConfig, Layering, NamedText } from './image-config.ts';
import { LAYERING_STRATEGIES, PATH_MUTATION_TYPES } from './image-schema.ts';
import type { LoadedConfig } from './load.ts';
import { failOnProblems, nearHint, type Path, type Problem, quotedList, type Report } from './problem.ts';
import { splitWords } from './words.ts';

/** Path mutations, layering and command lines matter to builds only: the reference locks and shows what it cannot build. */
export type ConfigPurpose = 'build' | 'lock';

/**
 * The configuration with `flags` applied and validation's own additions made (`completeConfig`). Without `flags` lists stay
 * as written, which is what show-config prints. Failures: CONFIG_INVALID (all problems at once), USAGE_FLAG.
 */
export function validateImageConfig(
  loaded: LoadedConfig,
  flags?: ConfigFlags,
  purpose: ConfigPurpose = 'build',
): ImageConfig {
  const config = flags === undefined ? loaded.config : applyFlags(loaded.config, flags);
  const problems: Problem[] = [];
  const report: Report = (path, message, hint) => {
    problems.push({ code: 'CONFIG_INVALID', message, hint, where: nearestPlace(loaded, path) });
  };
  checkRepositories(config, report);
  checkBaseImage(loaded.config, report);
  checkFiles(config, report);
  checkNames(config.contents.runtimeKeyring, ['contents', 'runtime_keyring'], report);
  checkNames(config.certificates?.additional ?? [], ['certificates', 'additional'], report);
  if (config.format === 'erofs' && isLayered(config.layering)) {
    report(['layering'], 'layers of the format "erofs" cannot be split', 'leave out "layering" or the format');
  }
  if (purpose === 'build') {
    checkPaths(config, report);
    checkLayering(config, report);
    problems.push(...commandProblems(config, loaded));
  }
  failOnProblems(problems);
  return completeConfig(config);
}

/**
 * What validation writes into a configuration: missing home directories, and for service bundles the command and the
 * package `s6`. Not idempotent: the reference appends `s6` once when validating and once more after locking (checked).
 */
export function completeConfig(config: ImageConfig): ImageConfig {
  const users = config.accounts.users.map((user) => ({ ...user, homedir: user.homedir || `/home/${user.username}` }));
  const completed = { ...config, accounts: { ...config.accounts, users } };
  if (config.entrypoint.type !== 'service-bundle') return completed;
  return {
    ...completed,
    entrypoint: { ...config.entrypoint, command: '/bin/s6-svscan /sv' },
    contents: { ...config.contents, packages: [...config.contents.packages, 's6'] },
  };
}

/** Several layers are asked for; `layering: {}` asks for nothing (layer-and-oci.md 11). */
function isLayered(layering: Layering | undefined): boolean {
  return layering !== undefined && (layering.strategy !== '' || layering.budget !== 0);
}

function checkRepositories({ contents }: ImageConfig, report: Report): void {
  if (contents.repositories.length > 0 || contents.buildRepositories.length > 0) return;
  report(
    ['contents'],
    'there is no repository to install packages from',
    'add contents.repositories, for example https://packages.wolfi.dev/os, or use --repository-append',
  );
}

function checkBaseImage(config: ImageConfig, report: Report): void {
  if (config.contents.baseImage === undefined) return;
  const { entrypoint, accounts } = config;
  const given: readonly (readonly [path: Path, isGiven: boolean])[] = [
    [
      ['entrypoint'],
      `${entrypoint.type}${entrypoint.command}${entrypoint.shellFragment}` !== '' ||
        Object.keys(entrypoint.services).length > 0,
    ],
    [['cmd'], config.cmd !== ''],
    [['stop-signal'], config.stopSignal !== ''],
    [['work-dir'], config.workDir !== ''],
    [['accounts'], accounts.runAs !== '' || accounts.users.length > 0 || accounts.groups.length > 0],
    [['environment'], Object.keys(config.environment).length > 0],
    [['paths'], config.paths.length > 0],
    [['annotations'], Object.keys(config.annotations).length > 0],
  ];
  for (const [path, isGiven] of given) {
    if (isGiven) report(path, `${path[0]} cannot be given together with contents.baseimage`);
  }
}

/** Both lists become files under one folder, or entries of one store: a second one would replace the first unseen. */
function checkNames(entries: readonly NamedText[], path: Path, report: Report): void {
  entries.forEach(({ name }, index) => {
    const first = entries.findIndex((entry) => entry.name === name);
    if (first < index) report([...path, index, 'name'], `${path.join('.')} has two entries with the name "${name}"`);
  });
}

function checkPaths({ paths }: ImageConfig, report: Report): void {
  paths.forEach(({ path, type, source }, index) => {
    if (type !== '' && !PATH_MUTATION_TYPES.includes(type)) {
      const sentence = `unknown path mutation type "${type}"; it must be ${quotedList(PATH_MUTATION_TYPES)}`;
      report(['paths', index, 'type'], sentence, nearHint(type, PATH_MUTATION_TYPES));
    }
    if ((type === 'hardlink' || type === 'symlink') && source === '') {
      report(['paths', index], `the ${type} ${path} has no source`, '"source" says what it points to');
    }
  });
}

function checkLayering({ layering, contents }: ImageConfig, report: Report): void {
  if (layering === undefined || !isLayered(layering)) return;
  if (layering.strategy === '') {
    report(['layering'], 'layering has a budget but no strategy', `add strategy: ${LAYERING_STRATEGIES[0]}`);
  } else if (!LAYERING_STRATEGIES.includes(layering.strategy)) {
    const known = quotedList(LAYERING_STRATEGIES);
    const sentence = `unknown layering strategy "${layering.strategy}"; it must be ${known}`;
    report(['layering', 'strategy'], sentence, nearHint(layering.strategy, LAYERING_STRATEGIES));
  }
  if (contents.baseImage !== undefined) {
    report(['layering'], 'layering cannot be given together with contents.baseimage');
  }
}

function commandProblems({ entrypoint, cmd }: ImageConfig, loaded: LoadedConfig): Problem[] {
  // A service bundle replaces the command, a shell fragment hides it: nobody splits it then.
  const splitsCommand = entrypoint.type !== 'service-bundle' && entrypoint.shellFragment === '';
  const texts: readonly (readonly [text: string, path: Path])[] = [
    [splitsCommand ? entrypoint.command : '', ['entrypoint', 'command']],
    [cmd, ['cmd']],
  ];
  return texts.flatMap(([text, path]) => {
    try {
      splitWords(text, path.join('.'));
      return [];
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return [{ code: error.code, message: error.message, hint: error.hint, where: loaded.place(path) }];
    }
  });
}

/** The place of the value, or of the nearest one around it: what is missing has none of its own. */
function nearestPlace(loaded: LoadedConfig, path: Path): SourcePlace | undefined {
  for (let length = path.length; length >= 0; length--) {
    const place = loaded.place(path.slice(0, length));
    if (place !== undefined) return place;
  }
  return undefined;
}
