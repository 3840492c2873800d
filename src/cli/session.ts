// One run of one command: the world, the global flags, the host value for operations, and the two ways to speak
// (results on stdout, everything else on stderr).

import { statSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';
import { Failure } from '../base/failure.ts';
import type { Host } from '../operations/host.ts';
import { choiceFlag, type Flags, textFlag } from './flags.ts';
import { machineArchitecture } from './machine.ts';
import type { Operations } from './operations.ts';
import { type Paint, paintFor } from './ui/paint.ts';
import type { PhaseTime } from './ui/phase-clock.ts';
import { createReporter, LOG_LEVELS, type LogLevel, type Reporter, type ReporterStyle } from './ui/reporter.ts';
import type { World } from './world.ts';

export class Session {
  readonly world: World;
  readonly json: boolean;
  readonly verbose: boolean;
  /** For texts on stdout. */
  readonly paint: Paint;
  readonly host: Host;
  readonly #reporter: Reporter;

  constructor(world: World, flags: Flags) {
    const level: LogLevel = choiceFlag(lowerCased(flags, 'logLevel'), 'log-level', LOG_LEVELS) ?? 'info';
    const color = flags['color'] !== false;
    this.world = world;
    this.json = flags['json'] === true;
    this.verbose = level === 'debug';
    this.paint = paintFor(world.stdout, world.env, color);
    this.#reporter = createReporter({
      sink: world.stderr,
      style: reporterStyle(world, this.json),
      level,
      paint: paintFor(world.stderr, world.env, color),
      now: world.now,
    });
    this.host = {
      cwd: workingDirectory(world.cwd, textFlag(flags, 'workdir')),
      env: world.env,
      hostArch: machineArchitecture(world.hostArch),
      homeDir: world.homeDir,
      events: this.#reporter.events,
      readStdin: async () => Buffer.from(await world.stdin()),
      ...(world.askSecret && { askPassword: this.#ask(world.askSecret) }),
    };
  }

  /** Without progress lines around the question. */
  #ask(askSecret: (question: string) => Promise<string>): (question: string) => Promise<string> {
    return async (question) => {
      this.close();
      return await askSecret(question);
    };
  }

  operations(): Promise<Operations> {
    return this.world.operations();
  }

  /** Prints the result of the command: as one JSON object with --json, else as the text. */
  result(value: unknown, text: string): void {
    this.close();
    this.world.stdout.write(this.json ? `${JSON.stringify(value, null, 2)}\n` : text);
  }

  /** Tells people what was done, beside a result that is for programs; not with --json, whose result says it all. */
  note(text: string): void {
    this.close();
    if (!this.json) this.world.stderr.write(text);
  }

  /** Paths below the working directory without it. */
  readonly shortPath = (path: string): string => {
    const short = isAbsolute(path) ? relative(this.host.cwd, path) : path;
    return short.startsWith('..') || short === '' ? path : short;
  };

  phases(): PhaseTime[] {
    return this.#reporter.phases();
  }

  /** Takes progress lines off the terminal. */
  close(): void {
    this.#reporter.close();
  }
}

/** What a command module exports: the work behind one action. The number is the exit code, 0 if absent. */
export type CommandRun = (session: Session, args: readonly string[], flags: Flags) => Promise<number | undefined>;

function reporterStyle(world: World, json: boolean): ReporterStyle {
  if (json) return 'json';
  return world.stderr.isTTY && world.env['TERM'] !== 'dumb' && !world.env['CI'] ? 'live' : 'plain';
}

/** Level names are case-insensitive: the reference's default is written INFO. */
function lowerCased(flags: Flags, name: string): Flags {
  const value = textFlag(flags, name)?.toLowerCase();
  return { 'log-level': value === 'warning' ? 'warn' : value };
}

function workingDirectory(cwd: string, flag: string | undefined): string {
  if (flag === undefined) return cwd;
  const path = resolve(cwd, flag);
  if (!isFolder(path)) {
    throw new Failure('FILE_UNREADABLE', `the working directory ${path} is not a directory`, {
      hint: 'check the value of -C',
    });
  }
  return path;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
