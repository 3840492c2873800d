import { describe, expect, it } from 'vitest';
import { planRun } from './plan-run.ts';

const OWN = { full_name: 'Org/app', fork: false };
const pullRequest = (head: unknown) => ({ pull_request: { head: { repo: head } }, repository: OWN });
const workflowRun = (event: string, head: unknown) => ({
  workflow_run: { event, head_repository: head },
  repository: OWN,
});

function plan(event: string, payload: unknown, dryRun: 'auto' | 'true' | 'false' = 'auto', tag = 'ghcr.io/org/app:1') {
  const env = { GITHUB_EVENT_NAME: event, GITHUB_REPOSITORY: 'Org/app' };
  return planRun({ dryRun, tags: ['docker.io/x/y:1', tag] }, env, payload);
}

describe('planRun', () => {
  it.each<[string, unknown, string]>([
    ['push', { repository: OWN }, ''],
    ['schedule', undefined, ''],
    ['workflow_dispatch', { repository: OWN }, ''],
    ['release', null, ''],
    ['pull_request', pullRequest(OWN), 'this run is for a pull request'],
    ['pull_request', pullRequest({ full_name: 'guest/app' }), 'this run is for a pull request from guest/app'],
    ['pull_request', pullRequest(null), 'this run is for a pull request from a fork that is gone'],
    ['pull_request_target', pullRequest({ full_name: 'guest/app' }), 'this run is for a pull request from guest/app'],
    ['merge_group', {}, 'this run is for a merge queue, and nothing is merged yet'],
    ['workflow_run', workflowRun('push', OWN), ''],
    [
      'workflow_run',
      workflowRun('pull_request', OWN),
      'this run follows a run for a pull request or of another repository',
    ],
    [
      'workflow_run',
      workflowRun('push', { full_name: 'guest/app' }),
      'this run follows a run for a pull request or of another repository',
    ],
    ['workflow_run', {}, 'this run follows a run for a pull request or of another repository'],
  ])('%s %j', (event, payload, reason) => {
    expect(plan(event, payload)).toEqual({ publish: reason === '', reason });
    expect(plan(event, payload, 'false')).toEqual({ publish: true, reason: '' });
    expect(plan(event, payload, 'true')).toEqual({ publish: false, reason: 'the input dry-run says so' });
  });

  it.each<[string, boolean, string]>([
    ['ghcr.io/org/app:1', true, ''],
    ['GHCR.io/ORG/app:1', true, ''],
    ['ghcr.io/upstream/app:1', true, 'this repository is a fork, and ghcr.io/upstream/app:1 is not of its owner'],
    ['ghcr.io/upstream/app:1', false, ''],
    ['r.example/upstream/app:1', true, ''],
  ])('in a fork, %s (%s)', (tag, fork, reason) => {
    expect(plan('push', { repository: { ...OWN, fork } }, 'auto', tag).reason).toBe(reason);
  });
});
