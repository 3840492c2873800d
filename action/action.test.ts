// What GitHub reads: action.yml and the example workflows by the parser and schemas that GitHub publishes, and the README by people.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { openGitHubParser } from '../test/support/github-parser.ts';
import { parseInputs } from './src/inputs.ts';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const read = (name: string) => readFileSync(path(name), 'utf8');
const manifest = parse(read('action.yml'));
const WORKFLOWS = ['example-workflow.yml', 'example-rebuild.yml'];

const mistakes = await openGitHubParser();

describe('action.yml', () => {
  it("fits GitHub's schema, which finds mistakes", () => {
    const text = read('action.yml');
    expect(mistakes('action', text)).toEqual([]);
    expect(mistakes('action', text.replace('using: node24', 'usign: node24'))).not.toEqual([]);
    expect(mistakes('action', text.replace('required: true', 'required: [true]'))).not.toEqual([]);
  });

  it('declares the inputs that are read, with their defaults', () => {
    const asked = new Set<string>();
    const env = new Proxy<Record<string, string | undefined>>(
      {},
      {
        get: (_target, name) => {
          asked.add(String(name));
          return name === 'INPUT_TAGS' ? 'r.example/app:1' : '';
        },
      },
    );
    const bare = parseInputs(env);
    const declared = Object.entries(manifest.inputs as Record<string, { default?: string }>);
    expect([...asked].sort()).toEqual(declared.map(([name]) => `INPUT_${name.toUpperCase()}`).sort());
    const defaults = declared.flatMap(([name, input]) =>
      input.default === undefined || name === 'token' ? [] : [[`INPUT_${name.toUpperCase()}`, input.default]],
    );
    expect(parseInputs({ ...Object.fromEntries(defaults), INPUT_TAGS: 'r.example/app:1' })).toEqual(bare);
  });
});

describe.each(WORKFLOWS)('%s', (name) => {
  const text = read(name);
  const steps: { uses?: string; with?: object }[] = Object.values(
    parse(text).jobs as Record<string, { steps: { uses?: string; with?: object }[] }>,
  ).flatMap((job) => job.steps);

  it("fits GitHub's schema, which finds mistakes", () => {
    expect(mistakes('workflow', text)).toEqual([]);
    for (const [right, wrong] of [
      ['runs-on:', 'run-on:'],
      ['id-token: write', 'id-token: writes'],
      ['${{ github.repository }}', '${{ gihub.repository }}'],
    ] as const) {
      expect(mistakes('workflow', text.replace(right, wrong)), wrong).not.toEqual([]);
    }
  });

  it('uses inputs and outputs that there are', () => {
    const ours = steps.filter(({ uses }) => uses?.startsWith('OWNER/stave/action@'));
    expect(ours).toHaveLength(1);
    expect(Object.keys(manifest.inputs)).toEqual(expect.arrayContaining(Object.keys(ours[0]?.with ?? {})));
    const outputs = [...text.matchAll(/steps\.image\.outputs\.([\w-]+)/g)].map(([, output]) => output);
    expect(outputs.length).toBeGreaterThan(0);
    expect(Object.keys(manifest.outputs)).toEqual(expect.arrayContaining(outputs));
  });
});

describe('README.md', () => {
  it('has the example and the tables of action.yml (after a change: npx vitest run action -u)', async () => {
    const printed = {
      example: `\`\`\`yaml\n${read('example-workflow.yml').trimEnd()}\n\`\`\``,
      inputs: table(['input', 'meaning', 'default'], rowsOf(manifest.inputs)),
      outputs: table(['output', 'meaning'], rowsOf(manifest.outputs)),
    };
    let text = read('README.md');
    for (const [name, part] of Object.entries(printed)) {
      const section = new RegExp(`(<!-- ${name} -->\\n)(?:.*\\n)?(?=<!-- /${name} -->)`, 's');
      expect(text).toMatch(section);
      text = text.replace(section, (_whole, begin: string) => `${begin}\n${part}\n\n`);
    }
    await expect(text).toMatchFileSnapshot(path('README.md'));
  });
});

type Declared = Readonly<Record<string, { description: string; default?: string; required?: boolean }>>;

function rowsOf(declared: Declared): string[][] {
  return Object.entries(declared).map(([name, { description, default: value, required }]) => {
    const shown = required ? 'required' : value === undefined ? '' : `\`${value}\``;
    return [`\`${name}\``, description.replaceAll('|', '\\|'), shown];
  });
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.slice(0, head.length).join(' | ')} |`.replaceAll('|  |', '| |');
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
