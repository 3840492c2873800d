// Keeps docs/failures.md and docs/cli.md in step with the tables and the command tree they are printed from.
// After a change: npx vitest run src/cli/docs.test.ts -u

import type { Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { EXIT, FAILURE_CODES, type FailureCode } from '../base/failure-codes.ts';
import { createProgram } from './program.ts';
import { recordedWorld } from './recorded-world.ts';
import { runnableCommands, type StaveCommand } from './usage.ts';

const NOTE =
  '<!-- Printed by src/cli/docs.test.ts; change the source, then run: npx vitest run src/cli/docs.test.ts -u -->';

const CLASS_MEANING: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'Everything worked.',
  bug: 'A mistake in stave itself: it prints a stack and asks you to report it. The JSON code is `INTERNAL`.',
  usage: 'The command line is wrong.',
  config: 'The configuration or the lock file is wrong.',
  unsolvable: 'No set of packages fulfils the configuration.',
  network: 'Something could not be fetched.',
  trust: 'A signature, key or checksum does not hold.',
  policy: 'The inputs were read and are trusted, but are refused: damaged, hostile, or in conflict.',
  environment: 'This machine or this version cannot do it.',
  unsigned:
    'The answer of `verify`: nothing says that the image is signed. Of `verify-attestation`: none of that type.',
  absent: 'The answer of `verify` and `verify-attestation`: there is no such image.',
  refused: 'The answer of `verify` and `verify-attestation`: there are some, but none that counts.',
  uncertified: 'The answer of `verify`: signed with a key, where somebody with a certificate is expected.',
};

function printFailureDocs(): string {
  const lines = [
    NOTE,
    '',
    '# Failures',
    '',
    'Every failure has a code that never changes its meaning, a sentence, and mostly a hint. Its class decides the exit',
    'code of the process, so scripts can tell "try again later" (5) from "somebody has to look" (6).',
    '',
    'With `--json` a failure is one line on stderr: an object with `type: "failure"`, `code`, `message`, `exitCode` and,',
    'where there is something to say, `where` (`file`, `line`, `column`, `text`), `hint`, `notes` and `data`.',
    '',
  ];
  for (const [name, exitCode] of Object.entries(EXIT) as [keyof typeof EXIT, number][]) {
    lines.push(`## Exit code ${exitCode}: ${name}`, '', CLASS_MEANING[name], '');
    const codes = (Object.keys(FAILURE_CODES) as FailureCode[]).filter((code) => FAILURE_CODES[code][0] === name);
    if (codes.length === 0) continue;
    lines.push('| code | meaning |', '| --- | --- |');
    for (const code of codes) lines.push(`| \`${code}\` | ${FAILURE_CODES[code][1]} |`);
    lines.push('');
  }
  return lines.join('\n');
}

function printCliDocs(program: StaveCommand): string {
  const lines = [
    NOTE,
    '',
    '# The command line',
    '',
    'Results go to stdout, everything else (progress, warnings, failures) to stderr. With `--json` the result is one JSON',
    'object on stdout, and stderr holds one JSON object a line: events, and a failure at the end if there is one.',
    '',
    'List flags may be repeated and take several values separated by commas, with CSV quoting: `-p a,b -p c`.',
    'Switches have the forms `--x`, `--x=true`, `--x=false` and `--no-x`. Flags and arguments may be mixed; `--` ends flags.',
    'Exit codes: see [failures](failures.md).',
    '',
    '## Flags of every command',
    '',
    ...flagTable(program),
  ];
  for (const command of runnableCommands(program)) {
    if (command.name() === 'help') continue;
    lines.push(`## \`${(command as StaveCommand).usageLine()}\``, '', command.description(), '');
    for (const argument of command.registeredArguments) lines.push(`* \`${argument.name()}\`: ${argument.description}`);
    if (command.registeredArguments.length > 0) lines.push('');
    lines.push(...flagTable(command), '```sh', ...examplesOf(command), '```', '');
  }
  return lines.join('\n');
}

function flagTable(command: Command): string[] {
  const options = command
    .createHelp()
    .visibleOptions(command)
    .filter((option) => option.long !== '--help');
  if (options.length === 0) return [];
  const row = (option: Option) => `| \`${option.flags}\` | ${option.description.replaceAll('|', '\\|')} |`;
  return ['| flag | meaning |', '| --- | --- |', ...options.map(row), ''];
}

/** The lines after "Examples:" of the help text. */
function examplesOf(command: Command): string[] {
  let help = '';
  command.configureOutput({ writeOut: (text) => (help += text) });
  command.outputHelp();
  return (help.split('Examples:\n')[1] ?? '')
    .trimEnd()
    .split('\n')
    .map((line) => line.trim());
}

describe('docs', () => {
  it('failures.md says what the table of failure codes says', async () => {
    await expect(printFailureDocs()).toMatchFileSnapshot('../../docs/failures.md');
  });

  it('cli.md says what the command tree says', async () => {
    await expect(printCliDocs(createProgram(recordedWorld()))).toMatchFileSnapshot('../../docs/cli.md');
  });

  it('failure codes are sorted within their class, and sentences are sentences', () => {
    const classes = new Set(Object.values(FAILURE_CODES).map(([name]) => name));
    for (const name of classes) {
      const entries = Object.entries(FAILURE_CODES).filter(([, [own]]) => own === name);
      const codes = entries.map(([code]) => code);
      expect(codes).toEqual([...codes].sort());
      for (const [, [, sentence]] of entries) expect(sentence).toMatch(/^[A-Z].*\.$/);
    }
  });
});
