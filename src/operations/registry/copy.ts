// `stave copy` and `stave pull`: an image with all its platforms, and everything attached to it, from one place to another. Bytes
// are the same afterwards, so digests and signatures hold. In a registry the tag moves last.

import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Digest } from '../../base/digest.ts';
import { moveTag, type PushImageReport, pushImageIndex } from '../../effects/registry/client/push-image.ts';
import { parseReference, type Reference } from '../../formats/oci/reference.ts';
import type { Host } from '../host.ts';
import { type Attachment, flatAttachments, readAttachments } from './attachments.ts';
import { type ImagePlace, parseSourcePlace, parseTargetPlace, printPlace } from './image-place.ts';
import { writeToArchive, writeToLayout } from './image-target.ts';
import { pushAttachments } from './push-attachments.ts';
import { type Registries, withRegistries } from './registries.ts';
import type { RegistryAccess } from './registry-request.ts';
import { type SourceImage, withSourceImage } from './source-image.ts';

interface CopyOptions extends RegistryAccess {
  /** Whether what is attached goes along. */
  readonly referrers: boolean;
}

export interface CopyRequest extends CopyOptions {
  readonly source: string;
  readonly target: string;
}

export interface PullRequest extends CopyOptions {
  readonly source: string;
  /** An existing folder, or a path that ends in a slash, becomes an OCI layout; anything else an archive for `docker load`. */
  readonly path: string;
}

export interface CopyReport {
  readonly source: string;
  readonly target: string;
  readonly digest: Digest;
  /** Things attached to the image that went along, or were there. */
  readonly attachments: number;
  /** What went over the wire; undefined for layouts and archives. */
  readonly pushed: PushImageReport | undefined;
}

/** Failures of both places; a tag that is there stays as it was then. */
export async function copyImage(request: CopyRequest, host: Host): Promise<CopyReport> {
  const source = parseSourcePlace(request.source, host.cwd);
  return await copyBetween(source, parseTargetPlace(request.target, host.cwd), request, host);
}

/** As `copyImage`. */
export async function pullToPath(request: PullRequest, host: Host): Promise<CopyReport> {
  const source = parseSourcePlace(request.source, host.cwd);
  const path = resolve(host.cwd, request.path);
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() || /[/\\]$/.test(request.path);
  const target: ImagePlace = { kind: isFolder ? 'layout' : 'archive', path, name: undefined };
  return await copyBetween(source, target, request, host);
}

async function copyBetween(from: ImagePlace, to: ImagePlace, options: CopyOptions, host: Host): Promise<CopyReport> {
  return await withRegistries(options, host, (registries) =>
    withSourceImage(from, registries, async (source) => {
      host.events({ type: 'phase-started', phase: 'pull' });
      const attachments = options.referrers ? await readAttachments(source, host.events) : [];
      host.events({ type: 'phase-finished', phase: 'pull' });
      const pushed = await write({ from, to, source, attachments }, registries, host);
      const { digest } = source.value.descriptor;
      const count = to.kind === 'archive' ? 0 : flatAttachments(attachments).length;
      return { source: source.name, target: printPlace(to), digest, attachments: count, pushed };
    }),
  );
}

interface Copying {
  readonly from: ImagePlace;
  readonly to: ImagePlace;
  readonly source: SourceImage;
  readonly attachments: readonly Attachment[];
}

async function write(copying: Copying, registries: Registries, host: Host): Promise<PushImageReport | undefined> {
  const { to, source, attachments } = copying;
  if (to.kind === 'registry') {
    host.events({ type: 'phase-started', phase: 'push' });
    const report = await pushCopy(copying, to.reference, registries, host);
    host.events({ type: 'phase-finished', phase: 'push' });
    return report;
  }
  host.events({ type: 'phase-started', phase: 'write' });
  if (to.kind === 'layout') {
    const target = { path: to.path, name: to.name ?? tagOf(copying.from) };
    await writeToLayout(target, source, flatAttachments(attachments));
  } else {
    await writeToArchive({ path: to.path, name: to.name ?? source.names[0] }, source);
    warnOfLoss(attachments, host);
  }
  host.events({ type: 'phase-finished', phase: 'write' });
  return undefined;
}

async function pushCopy(
  { from, source, attachments }: Copying,
  reference: Reference,
  registries: Registries,
  { events }: Host,
): Promise<PushImageReport> {
  const client = registries.client(reference);
  const isNeighbour = from.kind === 'registry' && from.reference.registry === reference.registry;
  const mount = isNeighbour ? { mountFrom: from.reference.repository } : {};
  const { value, blobs } = source;
  const report = await pushImageIndex(client, value, blobs, { tags: [], events, ...mount });
  await pushAttachments(client, attachments, blobs, { events, ...mount });
  const moved = await moveTag(client, reference.tag ?? 'latest', value, blobs);
  return { ...report, manifests: report.manifests + (moved ? 1 : 0) };
}

/** What the image is called in a layout: its tag, or the name that it had in another layout. */
function tagOf(from: ImagePlace): string | undefined {
  if (from.kind === 'registry') return from.reference.tag;
  if (from.kind === 'layout' || from.name === undefined) return from.name;
  return parseReference(from.name).tag;
}

function warnOfLoss(attachments: readonly Attachment[], { events }: Host): void {
  const count = flatAttachments(attachments).length;
  if (count === 0) return;
  events({
    type: 'warning',
    code: 'ATTACHMENTS_LEFT_OUT',
    message: `an archive has no room for what is attached to the image (${count}: signatures, SBOMs ...)`,
    hint: 'copy to an OCI layout instead: oci:FOLDER',
  });
}
