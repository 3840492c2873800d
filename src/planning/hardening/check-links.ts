// runs/: the link proof of the whole image. Every program with its loader, its libraries and their symbol versions; then the
// libraries that no program loads by itself, which some program may load while it runs.

import { ELF_TYPE } from '../../formats/elf/read-elf.ts';
import type { FileNode } from '../rootfs/tree-node.ts';
import { listed } from './enumeration.ts';
import type { ElfFacts } from './file-facts.ts';
import type { Observation } from './finding.ts';
import { type ImageFiles, isNative, machinesOf, runsOn } from './image-files.ts';
import type { ImageSubject } from './image-subject.ts';
import { openSearchWorld, type SearchWorld } from './library-search.ts';
import { type LinkProblem, type LinkProof, type ProvedFile, proveLinks } from './link-proof.ts';
import { type Loader, loaderOf, PROCESSOR_LEVELS } from './loader.ts';
import { environmentOf, workingDirectoryOf } from './run-settings.ts';
import { SoundLibraries } from './sound-libraries.ts';
import { baseName, resolvePath } from './tree-paths.ts';

/** A loader of the image and the worlds of the processors that it can run on, the oldest first. */
interface LoaderInImage {
  readonly loader: Loader;
  readonly file: ProvedFile;
  readonly worlds: readonly LinkWorld[];
}

interface LinkWorld {
  readonly search: SearchWorld;
  readonly sound: SoundLibraries;
}

export function checkLinks(subject: ImageSubject, files: ImageFiles): Observation[] {
  const linked = linkedFiles(subject, files);
  const loaders = new Loaders(subject, files);
  const report = new LinkReport(linked);
  const loadedByPrograms = new Set<FileNode>();
  for (const program of linked) {
    const loader = isProgram(program) ? loaders.of(program) : undefined;
    if (loader === undefined) continue;
    loadedByPrograms.add(loader.file.node);
    for (const { search, sound } of loader.worlds) {
      const groups = sound.loadedBy(program);
      if (groups !== undefined) {
        for (const group of groups) for (const node of group) loadedByPrograms.add(node);
        continue;
      }
      const proof = proveLinks(program, loader.file, search);
      for (const { node } of proof.loaded) loadedByPrograms.add(node);
      report.addProgram(program, proof);
    }
  }
  const all = loaders.all();
  for (const library of linked) {
    if (isProgram(library) || loadedByPrograms.has(library.node)) continue;
    // Whoever loads it has one of the image's loaders; with one of them it has to work.
    const { machine, bits } = library.elf;
    const fitting = all.filter(({ file }) => file.elf.machine === machine && file.elf.bits === bits);
    report.addPlugin(
      library,
      fitting.map((loader) => linkProblems(library, loader)),
    );
  }
  return [...loaders.observations(), ...report.observations()];
}

function linkProblems(file: ProvedFile, loader: LoaderInImage): LinkProblem[] {
  return loader.worlds.flatMap(({ search, sound }) =>
    sound.loadedBy(file) === undefined ? proveLinks(file, loader.file, search).problems : [],
  );
}

/** Programs and libraries for this architecture. Separate debugging information only looks like them. */
function linkedFiles({ arch }: ImageSubject, files: ImageFiles): ProvedFile[] {
  const machines = machinesOf(arch);
  const linked: ProvedFile[] = [];
  for (const { path, node, facts } of files.known) {
    const { elf } = facts;
    if (elf === undefined || !elf.isDynamic) continue;
    const isCode = elf.type === ELF_TYPE.executable || elf.type === ELF_TYPE.shared;
    if (isCode && runsOn(machines, elf) && !isDebugInformation(path)) linked.push({ path, node, elf });
  }
  return linked;
}

function isDebugInformation(path: string): boolean {
  return path.startsWith('usr/lib/debug/') || path.endsWith('.debug');
}

/** What can be started. A library that names a loader, as glibc's do, counts only with execute permission. */
function isProgram({ node, elf }: ProvedFile): boolean {
  return elf.interpreter !== undefined && (node.mode & 0o111) !== 0;
}

/** Soname or file name, of one kind of machine -> path; for the question whether the image has a library anywhere. */
function librariesByName(linked: readonly ProvedFile[]): ReadonlyMap<string, string> {
  const byName = new Map<string, string>();
  for (const { path, elf } of linked) {
    for (const name of [baseName(path), elf.soname ?? '']) {
      const key = libraryKey(name, elf);
      if (!byName.has(key)) byName.set(key, path);
    }
  }
  return byName;
}

function libraryKey(name: string, { machine, bits }: ElfFacts): string {
  return `${machine}/${bits}/${name}`;
}

/** The loaders that programs ask for, each opened once. */
class Loaders {
  readonly #subject: ImageSubject;
  readonly #files: ImageFiles;
  readonly #byName = new Map<string, LoaderInImage | 'missing' | 'unknown'>();
  readonly #missing = new Map<string, string[]>();

  constructor(subject: ImageSubject, files: ImageFiles) {
    this.#subject = subject;
    this.#files = files;
  }

  /** Undefined where there is none to load the program with; a missing one is remembered for `observations`. */
  of({ path, elf }: ProvedFile): LoaderInImage | undefined {
    const name = elf.interpreter as string;
    const key = libraryKey(name, elf);
    const found = this.#byName.get(key) ?? this.#open(name, elf);
    this.#byName.set(key, found);
    // A stray program for an older machine of the family has nothing here; that is said elsewhere.
    if (found === 'missing' && isNative(machinesOf(this.#subject.arch), elf)) {
      this.#missing.set(name, [...(this.#missing.get(name) ?? []), path]);
    }
    return typeof found === 'string' ? undefined : found;
  }

  all(): LoaderInImage[] {
    return [...this.#byName.values()].filter((found) => typeof found !== 'string');
  }

  observations(): Observation[] {
    return [...this.#missing].map(([name, programs]) => ({
      check: 'runs/interpreter-missing',
      path: name.replace(/^\/+/, ''),
      message: `the loader ${name} is not in the image, or not for this architecture; without it ${listed(programs)} cannot start`,
    }));
  }

  #open(name: string, program: ElfFacts): LoaderInImage | 'missing' | 'unknown' {
    const { tree, run } = this.#subject;
    const workingDirectory = workingDirectoryOf(run);
    const found = resolvePath(tree, name, workingDirectory);
    if (found?.node.kind !== 'file') return 'missing';
    const { node, path } = found;
    const elf = this.#files.factsOf(node)?.elf;
    if (elf === undefined || elf.machine !== program.machine || elf.bits !== program.bits) return 'missing';
    const loader = loaderOf(name, elf);
    if (loader === undefined) return 'unknown';
    const libraryPath = environmentOf(run).get('LD_LIBRARY_PATH') ?? '';
    const elfOf = (library: FileNode) => this.#files.factsOf(library)?.elf;
    const file = { node, path, elf };
    const worlds = this.#levels(loader).map((levels) => {
      const search = openSearchWorld({ tree, loader, elfOf, libraryPath, workingDirectory, levels });
      return { search, sound: new SoundLibraries(file, search) };
    });
    return { loader, file, worlds };
  }

  /** The oldest processor, and each newer one where the image has libraries for it. */
  #levels({ kind, elf }: Loader): (readonly string[])[] {
    const names = kind === 'glibc' ? (PROCESSOR_LEVELS[elf.machine] ?? []) : [];
    const hasOwn = (level: string) =>
      this.#files.directories.some(({ path }) => path.endsWith(`/glibc-hwcaps/${level}`));
    return [[], ...names.map((_, i) => names.slice(i)).filter(([level]) => hasOwn(level as string))];
  }
}

/** Problems by the file that has them, with the programs that die of them. */
class LinkReport {
  readonly #linked: readonly ProvedFile[];
  #libraries: ReadonlyMap<string, string> | undefined;
  readonly #problems = new Map<string, { readonly problem: LinkProblem; readonly programs: Set<string> }>();
  readonly #plugins: Observation[] = [];

  constructor(linked: readonly ProvedFile[]) {
    this.#linked = linked;
  }

  addProgram({ path }: ProvedFile, { problems }: LinkProof): void {
    for (const problem of problems) {
      const key = JSON.stringify([problem.kind, problem.by.realPath, problem.name]);
      const known = this.#problems.get(key);
      if (known === undefined) this.#problems.set(key, { problem, programs: new Set([path]) });
      else known.programs.add(path);
    }
  }

  /** `problems`: with each loader of the image. */
  addPlugin({ path, elf }: ProvedFile, problems: readonly (readonly LinkProblem[])[]): void {
    if (problems.some((list) => list.length === 0)) return;
    // The program that loads it may have loaded a library before that lies in a directory of its own.
    const serious = problems.map((list) =>
      list.filter((p) => p.kind !== 'missing' || this.#library(p.name, elf) === undefined),
    );
    const [problem] = serious.find((list) => list.length === 0) ?? serious[0] ?? [];
    if (problem === undefined) return;
    this.#plugins.push({ check: 'runs/plugin-unloadable', path, message: problemText(problem) });
  }

  observations(): Observation[] {
    const broken = [...this.#problems.values()].map(({ problem, programs }): Observation => {
      const { by, kind, name } = problem;
      const elsewhere = kind === 'missing' ? this.#library(name, by.elf) : undefined;
      const hint = elsewhere === undefined ? '' : `; ${elsewhere} is not where the loader looks`;
      const others = [...programs].filter((program) => program !== by.realPath);
      const victims = others.length === 0 ? '' : `; ${listed(others)} cannot start`;
      return { check: CHECK_OF[kind], path: by.realPath, message: `${problemText(problem)}${hint}${victims}` };
    });
    return [...broken, ...this.#plugins];
  }

  /** Where the image has a library of that name, wherever that is. */
  #library(name: string, elf: ElfFacts): string | undefined {
    this.#libraries ??= librariesByName(this.#linked);
    return this.#libraries.get(libraryKey(name, elf));
  }
}

const CHECK_OF = {
  missing: 'runs/library-missing',
  unusable: 'runs/library-unusable',
  version: 'runs/symbol-version',
} as const;

function problemText(problem: LinkProblem): string {
  const { by, name } = problem;
  switch (problem.kind) {
    case 'missing':
      return `${by.realPath} needs ${name}, which its loader does not find`;
    case 'unusable':
      return `${by.realPath} needs ${name}, but ${problem.path} cannot be used: ${problem.why}`;
    case 'version':
      return `${by.realPath} wants ${listed(problem.versions)} of ${name}, which ${problem.path} does not have`;
  }
}
