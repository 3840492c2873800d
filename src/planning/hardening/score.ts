// Two scales that people know, computed from the observations: the image section of the CIS Docker Benchmark (section 4) and the
// Container Hardening Priorities (chps.dev, four vectors with levels). What an image alone cannot show is said to be open,
// never guessed: who verifies signatures, whether the base was trusted, which weaknesses are known today.

import type { CheckId } from './check-table.ts';
import type { Observation } from './finding.ts';
import type { ImageSubject } from './image-subject.ts';

type Verdict = 'met' | 'not-met' | 'open';

export interface Criterion {
  /** `4.8`, or `2` for a CHPs level. */
  readonly id: string;
  readonly title: string;
  readonly verdict: Verdict;
}

interface Vector {
  readonly name: string;
  readonly criteria: readonly Criterion[];
  /** The highest level all of whose criteria are met, and of the levels below it; 0 = none. */
  readonly level: number;
  /** The highest level that has criteria. */
  readonly highest: number;
}

export interface Score {
  readonly cis: readonly Criterion[];
  readonly chps: readonly Vector[];
}

type Decide = (facts: ScoreFacts) => Verdict;

interface ScoreFacts {
  readonly subject: ImageSubject;
  readonly seen: ReadonlySet<CheckId>;
}

/** Met unless one of the checks has found something. */
const without =
  (...checks: readonly CheckId[]): Decide =>
  ({ seen }) =>
    checks.some((check) => seen.has(check)) ? 'not-met' : 'met';

const open: Decide = () => 'open';

const NO_SECRETS = without('locked/private-key', 'locked/secret', 'locked/empty-password');
const NO_PRIVILEGED_FILES = without('locked/setuid', 'locked/setgid', 'locked/file-capability');

const CIS: readonly (readonly [id: string, title: string, decide: Decide])[] = [
  ['4.1', 'a user for the container has been created', without('locked/root-user', 'runs/user-unknown')],
  ['4.2', 'only trusted base images are used', open],
  [
    '4.3',
    'no unnecessary packages are installed',
    without('minimal/shell', 'minimal/package-manager', 'minimal/build-tool', 'minimal/documentation', 'minimal/cache'),
  ],
  ['4.4', 'images are scanned and rebuilt with security patches', open],
  ['4.5', 'content trust is enabled', open],
  ['4.6', 'there is a HEALTHCHECK', ({ subject }) => (hasHealthcheck(subject) ? 'met' : 'not-met')],
  [
    '4.7',
    'update instructions are not used alone',
    ({ subject }) => (subject.history.some(isLoneUpdate) ? 'not-met' : 'met'),
  ],
  ['4.8', 'setuid and setgid permissions are removed', without('locked/setuid', 'locked/setgid')],
  ['4.9', 'COPY is used, not ADD', ({ subject }) => (subject.history.some(isRemoteAdd) ? 'not-met' : 'met')],
  ['4.10', 'no secrets are stored', NO_SECRETS],
  ['4.11', 'only verified packages are installed', open],
  ['4.12', 'signed artifacts are validated', open],
];

const CHPS: readonly (readonly [
  vector: string,
  criteria: readonly (readonly [level: number, title: string, decide: Decide])[],
])[] = [
  [
    'Minimalism',
    [
      [1, 'minimal base image', without('minimal/documentation', 'minimal/cache')],
      [2, 'no build or debug tooling', without('minimal/build-tool')],
      [3, 'no shell', without('minimal/shell')],
      [3, 'no package manager', without('minimal/package-manager')],
    ],
  ],
  [
    'Provenance',
    [
      [1, 'downloaded from a trusted source', open],
      [2, 'downloads are verified', open],
      [2, 'the image is signed', open],
      [2, 'the image was updated recently', open],
      [3, 'images are pinned to digests', open],
      [3, 'packages are pinned', open],
      [4, 'provenance attestations', open],
      [4, 'SBOMs', open],
      [5, 'fully reproducible', open],
    ],
  ],
  [
    'Configuration & Metadata',
    [
      [1, 'no secrets in the image', NO_SECRETS],
      [2, 'no files with elevated privileges', NO_PRIVILEGED_FILES],
      [2, 'the user is not root', without('locked/root-user', 'runs/user-unknown')],
      [3, 'secrets can come from mounted files', open],
      [3, 'there are annotations', ({ subject }) => (hasAnnotations(subject) ? 'met' : 'not-met')],
      [5, 'a security profile in the metadata', open],
    ],
  ],
  ['Vulnerabilities', [2, 3, 4, 5].map((level) => [level, vulnerabilityTitle(level), open] as const)],
];

function vulnerabilityTitle(level: number): string {
  return `no ${{ 2: 'critical', 3: 'high', 4: 'medium' }[level] ?? 'known'} vulnerabilities`;
}

/** `observations`: all of them, excused ones too; an exception does not change what the image is. */
export function scoreImage(subject: ImageSubject, observations: readonly Observation[]): Score {
  const facts: ScoreFacts = { subject, seen: new Set(observations.map(({ check }) => check)) };
  return {
    cis: CIS.map(([id, title, decide]) => ({ id, title, verdict: decide(facts) })),
    chps: CHPS.map(([name, criteria]) => {
      const decided = criteria.map(([level, title, decide]) => ({ id: String(level), title, verdict: decide(facts) }));
      return {
        name,
        criteria: decided,
        level: levelReached(decided),
        highest: Math.max(...criteria.map(([level]) => level)),
      };
    }),
  };
}

/** A level without criteria is reached with the one below it; an open criterion is not met. */
function levelReached(criteria: readonly Criterion[]): number {
  const levels = criteria.map(({ id }) => Number(id));
  const failed = criteria.filter(({ verdict }) => verdict !== 'met').map(({ id }) => Number(id));
  const below = Math.min(...failed, Math.max(...levels) + 1) - 1;
  return Math.max(0, ...levels.filter((level) => level <= below));
}

function hasHealthcheck({ run }: ImageSubject): boolean {
  const check = run.others['Healthcheck'];
  const test = typeof check === 'object' && check !== null && 'Test' in check ? check['Test'] : undefined;
  return Array.isArray(test) && test.length > 0 && test[0] !== 'NONE';
}

/** `RUN apt-get update` whose result a later step may use when it is old. */
function isLoneUpdate(command: string): boolean {
  return (
    /\b(?:apt(?:-get)?\s+update|apk\s+update|yum\s+makecache)\b/.test(command) &&
    !/\b(?:install|add|upgrade)\b/.test(command)
  );
}

/** ADD of a URL. The ADD of a base image's root archive has no other way. */
function isRemoteAdd(command: string): boolean {
  return /\bADD\s+(?:--\S+\s+)*https?:\/\//.test(command);
}

function hasAnnotations({ annotations, run }: ImageSubject): boolean {
  return Object.keys({ ...annotations, ...run.labels }).some((name) => name.startsWith('org.opencontainers.image.'));
}
