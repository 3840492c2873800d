// The family `stave registry`: a command of two words, and one that runs until it is interrupted.

import { describe, expect, it } from 'vitest';
import { main } from './main.ts';
import type { Operations } from './operations.ts';
import { recordedWorld } from './recorded-world.ts';

async function run(argv: readonly string[], given: Parameters<typeof recordedWorld>[0] = {}) {
  const world = recordedWorld(given);
  return { exitCode: await main(argv, world), stdout: world.stdout.text, stderr: world.stderr.text };
}

describe('stave registry', () => {
  it.each([
    [['registry'], 'stave registry needs a command', 'stave registry --help lists the commands'],
    [['registry', 'serv'], 'stave registry has no command "serv"', 'did you mean "serve"?'],
    [
      ['registry', 'frobnicate', 'x'],
      'stave registry has no command "frobnicate"',
      'stave registry --help lists the commands',
    ],
    [['registry', 'serve'], 'stave registry serve needs a <directory>', 'usage: stave registry serve <directory>'],
    [['help', 'registry', 'x'], 'stave registry has no command "x"', 'stave registry --help lists the commands'],
    [['help', 'clean', 'x'], 'stave clean has no command "x"', 'stave clean --help lists the commands'],
  ])('%j', async (argv, sentence, hint) => {
    const { exitCode, stderr } = await run(argv);
    expect(exitCode).toBe(2);
    expect(stderr).toBe(`error: ${sentence} [USAGE_ARGUMENTS]\n  hint: ${hint}\n`);
  });

  it.each([[['registry', '--help']], [['help', 'registry']]])('%j shows its members', async (argv) => {
    const { exitCode, stdout } = await run(argv);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('An OCI registry of your own.');
    expect(stdout).toMatch(/serve <directory> +serve an OCI registry from a folder/);
  });

  it('is one line in the list of all commands', async () => {
    expect((await run(['--help'])).stdout).toMatch(/^ +registry +an OCI registry of your own$/m);
  });

  it.each([[['registry', 'serve', '--help']], [['help', 'registry', 'serve']]])(
    '%j explains a member',
    async (argv) => {
      expect((await run(argv)).stdout).toContain('--listen <ADDRESS>');
    },
  );
});

describe('stave registry serve', () => {
  /** Serves nothing, and writes down what happens in which order. */
  const recordingServer = (happened: unknown[]): Partial<Operations> => ({
    serveRegistry: async (request) => {
      happened.push(request);
      return {
        url: 'http://127.0.0.1:5000',
        directory: `/${request.directory}`,
        readOnly: request.readOnly,
        close: async () => void happened.push('closed'),
      };
    },
  });

  it('prints the URL, runs until it is interrupted, and ends well', async () => {
    const happened: unknown[] = [];
    let waits: (interrupt: () => void) => void = () => {};
    const waiting = new Promise<() => void>((resolve) => (waits = resolve));
    const untilInterrupted = () => new Promise<void>((resolve) => waits(resolve));
    const running = run(['registry', 'serve', 'images'], { doing: recordingServer(happened), untilInterrupted });
    const interrupt = await waiting;
    const request = { directory: 'images', listen: '127.0.0.1:5000', readOnly: false };
    expect(happened).toEqual([request]);
    interrupt();
    expect(await running).toEqual({ exitCode: 0, stdout: 'http://127.0.0.1:5000\n', stderr: '' });
    expect(happened).toEqual([request, 'closed']);
  });

  it('takes its flags, and answers in JSON', async () => {
    const happened: unknown[] = [];
    const argv = ['--json', 'registry', 'serve', 'images', '--listen', '[::1]:0', '--read-only'];
    const { stdout } = await run(argv, { doing: recordingServer(happened) });
    expect(happened[0]).toEqual({ directory: 'images', listen: '[::1]:0', readOnly: true });
    expect(JSON.parse(stdout)).toEqual({ url: 'http://127.0.0.1:5000', directory: '/images', readOnly: true });
  });
});
