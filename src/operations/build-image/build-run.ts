// Who ran a build, and when, for its provenance (attestations-and-vex.md 3). Told by the CI's own variables where there is one;
// on other machines nothing more is claimed than that somebody built it.

import { VERSION } from '../../base/version.ts';
import { type BuildRun, UNHOSTED_BUILDER } from '../../planning/describe/build-provenance.ts';
import type { Host } from '../host.ts';

export interface RunOptions {
  /** Who could have forged this; default: what the CI says, or nobody. */
  readonly builderId: string | undefined;
  /** Leaves out what differs from run to run: times and the run itself. */
  readonly reproducible: boolean;
  /** Milliseconds since 1970. */
  readonly startedMs: number;
  readonly finishedMs: number;
}

export function buildRun(
  { env }: Pick<Host, 'env'>,
  { builderId, reproducible, startedMs, finishedMs }: RunOptions,
): BuildRun {
  const ci = ciRun(env);
  const run = { builderId: builderId ?? ci.builderId ?? UNHOSTED_BUILDER, toolVersion: VERSION };
  if (reproducible) return run;
  return {
    ...run,
    ...(ci.invocationId !== undefined && { invocationId: ci.invocationId }),
    startedOn: timeText(startedMs),
    finishedOn: timeText(finishedMs),
  };
}

/** As Fulcio names the workflow in a certificate. */
function ciRun(env: Host['env']): { readonly builderId?: string; readonly invocationId?: string } {
  const { GITHUB_SERVER_URL: server, GITHUB_WORKFLOW_REF: workflow, GITHUB_REPOSITORY: repository } = env;
  if (env['GITHUB_ACTIONS'] === 'true' && server && workflow && repository) {
    const { GITHUB_RUN_ID: run, GITHUB_RUN_ATTEMPT: attempt = '1' } = env;
    const invocationId = `${server}/${repository}/actions/runs/${run}/attempts/${attempt}`;
    return { builderId: `${server}/${workflow}`, ...(run && { invocationId }) };
  }
  const { CI_SERVER_URL: gitlab, CI_PROJECT_PATH: project, CI_COMMIT_REF_NAME: name, CI_JOB_URL: job } = env;
  if (env['GITLAB_CI'] === 'true' && gitlab && project && name) {
    const ref = `refs/${env['CI_COMMIT_TAG'] ? 'tags' : 'heads'}/${name}`;
    const builderId = `${gitlab}/${project}//${env['CI_CONFIG_PATH'] || '.gitlab-ci.yml'}@${ref}`;
    return { builderId, ...(job && { invocationId: job }) };
  }
  return {};
}

/** Whole seconds. */
function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
