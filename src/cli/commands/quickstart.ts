// `stave quickstart`: builds the example that comes with stave, twice and in two places, shows that the results are
// equal, publishes and signs it, and runs the program out of the image where the machine lets it. Needs no network.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256 } from '../../base/digest.ts';
import { assert, Failure } from '../../base/failure.ts';
import type { BuildReport } from '../../operations/build-image/build.ts';
import type { ImagesRequest } from '../../operations/build-image/built-images.ts';
import type { Host } from '../../operations/host.ts';
import { textFlag } from '../flags.ts';
import { readLayoutImage } from '../quickstart/read-layout.ts';
import { publishAndReadBack, type RoundTrip } from '../quickstart/round-trip.ts';
import { type RunAnswer, runInside } from '../quickstart/run-inside.ts';
import { unpackLayers } from '../quickstart/unpack-layers.ts';
import type { CommandRun, Session } from '../session.ts';
import { printable } from '../ui/printable.ts';
import { printSummary, summaryRecord } from '../ui/summary.ts';

const TAG = 'example/hello:1.0.0';
/** Everything that a run leaves behind; a directory that holds nothing else may be used again. */
const OURS = { layout: 'layout', archive: 'image.tar', sboms: 'sbom', registry: 'registry' } as const;

interface Built {
  readonly layout: BuildReport;
  readonly layoutDir: string;
  readonly archivePath: string;
  readonly archiveDigest: string;
}

export const runQuickstart: CommandRun = async (session, _args, flags) => {
  const out = resolve(session.host.cwd, textFlag(flags, 'keep') ?? 'quickstart-out');
  emptyOutput(out);
  const scratch = mkdtempSync(join(tmpdir(), 'stave-quickstart-'));
  try {
    const first = await buildBoth(session, session.host, out, join(scratch, 'cache-1'));
    const phases = session.phases();
    session.host.events({ type: 'info', message: 'building it again, in another directory' });
    const second = await buildBoth(session, quiet(session.host), join(scratch, 'second'), join(scratch, 'cache-2'));
    assertEqual(first, second);
    session.host.events({
      type: 'info',
      message: 'publishing it to a registry on this machine, signed, and reading it back',
    });
    const registry = join(out, OURS.registry);
    // The second cache: nothing has to be built again.
    const request = exampleRequest(join(scratch, 'cache-2'));
    const exampleHost = { ...quiet(session.host), cwd: exampleDir() };
    const trip = await publishAndReadBack(session, exampleHost, request, { registry, scratch });
    assert(trip.indexDigest === first.layout.indexDigest, 'an image has one digest, wherever it is');
    const answer = runProgram(session, first.layoutDir, join(scratch, 'root'));
    const record = {
      ...summaryRecord(first.layout, phases),
      archive: { path: first.archivePath, digest: first.archiveDigest },
      secondBuild: { indexDigest: second.layout.indexDigest, archiveDigest: second.archiveDigest },
      registry: trip,
      run: answer,
    };
    session.result(record, quickstartText(session, first, printSummary(first.layout, phases, session), trip, answer));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return 0;
};

/** The layout and the archive of the example, for all its architectures, into one directory. */
async function buildBoth(session: Session, host: Host, directory: string, cacheDir: string): Promise<Built> {
  const { buildImage } = await session.operations();
  const [layoutDir, archivePath] = [join(directory, OURS.layout), join(directory, OURS.archive)];
  const sbomPath = join(directory, OURS.sboms);
  mkdirSync(layoutDir, { recursive: true });
  mkdirSync(sbomPath, { recursive: true });
  const request = { ...exampleRequest(cacheDir), tag: TAG, sbomPath };
  // The example's paths count from its own directory.
  const cwd = exampleDir();
  const layout = await buildImage({ ...request, output: layoutDir }, { ...host, cwd });
  await buildImage({ ...request, output: archivePath, sbom: false }, { ...quiet(host), cwd });
  return { layout, layoutDir, archivePath, archiveDigest: sha256(readFileSync(archivePath)) };
}

function exampleRequest(cacheDir: string): ImagesRequest {
  return {
    configPath: 'image.yaml',
    archs: [],
    keyringAppend: [],
    buildRepositoryAppend: [],
    repositoryAppend: [],
    packageAppend: [],
    includePaths: [],
    annotations: [],
    offline: true,
    ignoreSignatures: false,
    vcs: false,
    sbom: true,
    sbomFormats: ['spdx'],
    cacheDir,
    limits: {},
  };
}

/** The same phases again tell nothing; warnings do. */
function quiet(host: Host): Host {
  return { ...host, events: (event) => event.type === 'warning' && host.events(event) };
}

/** Makes room for our files, and refuses to do so among other people's. */
function emptyOutput(directory: string): void {
  const names = existsSync(directory) ? readdirSync(directory) : [];
  const foreign = names.find((name) => !(Object.values(OURS) as string[]).includes(name));
  if (foreign !== undefined) {
    throw new Failure(
      'FILE_UNWRITABLE',
      `${directory} holds files that are not from a quickstart, such as ${foreign}`,
      {
        hint: 'give an empty or a new directory: stave quickstart --keep DIR',
      },
    );
  }
  for (const name of names) rmSync(join(directory, name), { recursive: true });
}

function assertEqual(first: Built, second: Built): void {
  assert(first.layout.indexDigest === second.layout.indexDigest, 'two builds of one configuration have one digest');
  assert(first.archiveDigest === second.archiveDigest, 'two archives of one image have the same bytes');
}

function runProgram(session: Session, layoutDir: string, rootDir: string): RunAnswer {
  const { hostPlatform, hostArch } = session.world;
  if (hostPlatform !== 'linux')
    return { ran: false, reason: `the program is for Linux, this machine is ${hostPlatform}` };
  const image = readLayoutImage(layoutDir, session.host.hostArch);
  if (image === undefined) return { ran: false, reason: `the image is not built for ${hostArch}` };
  unpackLayers(image.layers, rootDir);
  return runInside(rootDir, image);
}

/** Where the example lies: above the sources, above dist/ in a clone, above dist/ in an installed package. */
export function exampleDir(): string {
  for (let directory = dirname(fileURLToPath(import.meta.url)); ; directory = dirname(directory)) {
    const candidate = join(directory, 'examples', 'quickstart');
    if (existsSync(join(candidate, 'image.yaml'))) return candidate;
    assert(dirname(directory) !== directory, 'the quickstart example is part of the package');
  }
}

function quickstartText(session: Session, first: Built, summary: string, trip: RoundTrip, answer: RunAnswer): string {
  const { paint } = session;
  const archive = session.shortPath(first.archivePath);
  const lines = [
    summary,
    `${paint('strong', archive)} (for docker: docker load < ${archive})`,
    `  sha256  ${first.archiveDigest.slice('sha256:'.length)}`,
    '',
    `${paint('good', 'equal')}: a second build in another directory gave the same digest and the same archive, byte for byte`,
    `${paint('good', 'equal')}: published to a registry and read back, with ${trip.attachments} SBOMs, signatures and attestations, it has the same digest`,
    ...signatureLines(trip, session),
    `  look again  stave registry serve ${session.shortPath(trip.directory)}`,
    `              stave tree localhost:5000/${trip.name}`,
    '',
  ];
  if (answer.ran) {
    lines.push(`the program, run out of the image (${answer.how}):`);
    for (const line of answer.output.trimEnd().split('\n')) lines.push(`  ${printable(line)}`);
  } else lines.push(`the program was not run here: ${printable(answer.reason)}`);
  return `${lines.join('\n')}\n`;
}

function signatureLines({ signatures }: RoundTrip, { paint }: Session): string[] {
  const { verified, tampered } = signatures;
  return [
    `${paint('good', 'signed')}: with a throw-away key; it verifies without flags, by the trust file (${verified.join(', ')})`,
    `${paint('good', 'refused')}: a copy with one annotation more and the same signatures: ${printable(tampered.because)}`,
  ];
}
