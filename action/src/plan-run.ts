// Whether a run publishes or only tries. Pure: the event that started it decides, not what happens to be permitted, so that a
// run on the main branch that lacks a permission fails instead of publishing nothing and looking green.

import type { Inputs } from './inputs.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface RunPlan {
  readonly publish: boolean;
  /** Why not, as a sentence without its stop; '' where it publishes. */
  readonly reason: string;
}

/** `event` is the payload, as JSON gives it; undefined where there is none. */
export function planRun({ dryRun, tags }: Pick<Inputs, 'dryRun' | 'tags'>, env: Environment, event: unknown): RunPlan {
  if (dryRun === 'false') return { publish: true, reason: '' };
  const reason = dryRun === 'true' ? 'the input dry-run says so' : reasonOf(env, event, tags);
  return { publish: reason === '', reason };
}

function reasonOf(env: Environment, event: unknown, tags: readonly string[]): string {
  const repository = env['GITHUB_REPOSITORY'] ?? '';
  switch (env['GITHUB_EVENT_NAME']) {
    case 'pull_request':
    case 'pull_request_target': {
      const head = textAt(event, 'pull_request', 'head', 'repo', 'full_name');
      const from = head === repository ? '' : ` from ${head ?? 'a fork that is gone'}`;
      return `this run is for a pull request${from}`;
    }
    case 'merge_group':
      return 'this run is for a merge queue, and nothing is merged yet';
    case 'workflow_run': {
      const head = textAt(event, 'workflow_run', 'head_repository', 'full_name');
      if (head === repository && textAt(event, 'workflow_run', 'event') !== 'pull_request') return '';
      return 'this run follows a run for a pull request or of another repository';
    }
    default:
      return foreignTag(repository, event, tags);
  }
}

/** A fork inherits the workflows of its parent, but its token does not open the parent's packages. */
function foreignTag(repository: string, event: unknown, tags: readonly string[]): string {
  if (valueAt(event, 'repository', 'fork') !== true) return '';
  const owner = repository.split('/')[0]?.toLowerCase();
  const foreign = tags.find((tag) => {
    const [host, first] = tag.toLowerCase().split('/');
    return host === 'ghcr.io' && first !== owner;
  });
  return foreign === undefined ? '' : `this repository is a fork, and ${foreign} is not of its owner`;
}

function textAt(value: unknown, ...keys: readonly string[]): string | undefined {
  const found = valueAt(value, ...keys);
  return typeof found === 'string' ? found : undefined;
}

function valueAt(value: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined),
    value,
  );
}
