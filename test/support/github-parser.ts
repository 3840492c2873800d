// GitHub's own parser of workflows and action.yml, with the schemas that GitHub publishes. It imports them as JSON in a way that
// bundlers take and Node refuses, so it is bundled first.

import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';
import type { parseAction } from '@actions/workflow-parser/actions/action-parser';
import { build } from 'esbuild';

interface Parser {
  readonly parseAction: typeof parseAction;
  readonly parseWorkflow: typeof parseWorkflow;
  readonly NoOperationTraceWriter: typeof NoOperationTraceWriter;
}

const ENTRY = `
export { NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';
export { parseAction } from '@actions/workflow-parser/actions/action-parser';
`;

/** What is wrong with the text of a file of that kind, as GitHub says it. */
export async function openGitHubParser(): Promise<(kind: 'action' | 'workflow', text: string) => string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'stave-github-parser-'));
  const outfile = join(folder, 'parser.cjs');
  const resolveDir = fileURLToPath(new URL('.', import.meta.url));
  await build({ stdin: { contents: ENTRY, resolveDir }, bundle: true, format: 'cjs', platform: 'node', outfile });
  const parser: Parser = createRequire(import.meta.url)(outfile);
  await rm(folder, { recursive: true });
  return (kind, content) => {
    const parse = kind === 'action' ? parser.parseAction : parser.parseWorkflow;
    const { context } = parse({ name: 'file.yml', content }, new parser.NoOperationTraceWriter());
    return context.errors.getErrors().map(({ message }) => message);
  };
}
