// One build into any number of repositories of any number of registries (layer-and-oci.md 14). First blobs, manifests by digest
// and SBOMs go everywhere, then signatures; only when all of that is there do tags move. So nobody ever sees half of it.

import { mapBounded } from '../../base/bounded.ts';
import type { EventSink, StaveEvent } from '../../base/events.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { moveTag, type PushImageReport, pushImageIndex } from '../../effects/registry/client/push-image.ts';
import type { RegistryClient } from '../../effects/registry/client/registry-client.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import type { ImageIndex } from '../../formats/oci/image.ts';
import { printReference, type Reference } from '../../formats/oci/reference.ts';
import { pushAttachments } from '../registry/push-attachments.ts';
import type { Registries } from '../registry/registries.ts';
import type { Attachments } from '../registry/text-attachments.ts';
import type { SignedSubject } from '../sign/sign-image.ts';
import type { SignRepository } from './sign-publication.ts';

interface PublishedTag {
  /** Fully qualified. */
  readonly reference: string;
  /** False where it was there already. */
  readonly moved: boolean;
}

export interface PublishedRepository {
  /** `ghcr.io/org/app` */
  readonly repository: string;
  readonly pushed: PushImageReport;
  /** SBOMs that were not attached there yet. */
  readonly newSboms: number;
  /** Signatures and attestations: what the repository has now, new or not. */
  readonly signed: readonly SignedSubject[];
  readonly tags: readonly PublishedTag[];
}

export interface Publication {
  readonly index: ImageIndex;
  readonly blobs: BlobSource;
  /** undefined: none are attached. */
  readonly sboms: Attachments | undefined;
  /** Results of checks. */
  readonly checks: Attachments;
  /** Each with a tag. */
  readonly references: readonly Reference[];
  /** undefined: nothing is signed. */
  readonly sign: SignRepository | undefined;
}

interface Target {
  readonly repository: string;
  readonly client: RegistryClient;
  readonly references: readonly Reference[];
}

/** Answers in the order in which the repositories are first named. Failures of `RegistryClient` and of the blobs. */
export async function pushEverywhere(
  publication: Publication,
  registries: Registries,
  events: EventSink,
): Promise<PublishedRepository[]> {
  const targets = targetsOf(publication.references, registries);
  const progress = addingUp(events);
  const perRegistry = [...grouped(targets, ({ client }) => client.registry).values()];
  const contents = new Map<Target, Pick<PublishedRepository, 'pushed' | 'newSboms'>>();
  await mapBounded(perRegistry, LIMITS.parallelDownloads, async (neighbours) => {
    // One after the other, so that a registry is sent a layer once and mounts it for the others.
    for (const [i, target] of neighbours.entries()) {
      contents.set(target, await pushContents(publication, target, neighbours[i - 1], progress(target.repository)));
    }
  });
  const signed = await signTargets(publication.sign, targets, events);
  const moved = await moveTags(publication, targets);
  return targets.map((target) => ({
    repository: target.repository,
    ...(contents.get(target) as Pick<PublishedRepository, 'pushed' | 'newSboms'>),
    signed: signed.get(target) ?? [],
    tags: target.references.map((reference) => ({
      reference: printReference(reference),
      moved: moved.get(printReference(reference)) ?? false,
    })),
  }));
}

function targetsOf(references: readonly Reference[], registries: Registries): Target[] {
  const groups = grouped(references, repositoryName);
  return [...groups].map(([repository, named]) => {
    const distinct = new Map(named.map((reference) => [reference.tag, reference]));
    return { repository, client: registries.client(named[0] as Reference), references: [...distinct.values()] };
  });
}

/** Everything but what makes it visible by a name. */
async function pushContents(
  { index, blobs, sboms, checks }: Publication,
  { client, repository }: Target,
  neighbour: Target | undefined,
  events: EventSink,
): Promise<Pick<PublishedRepository, 'pushed' | 'newSboms'>> {
  const mount = neighbour === undefined ? {} : { mountFrom: neighbour.client.repository };
  const pushed = await pushImageIndex(client, index, blobs, { tags: [], events, ...mount });
  const attach = async (what: string, flag: string, { attachments, blobs: contents }: Attachments) =>
    await beforeTags(
      `the ${what} cannot be attached in ${repository}`,
      `; --${flag}=false publishes it without`,
      async () => await pushAttachments(client, attachments, contents, { events, ...mount }),
    );
  const newSboms = sboms === undefined ? 0 : await attach('SBOMs', 'attach-sbom', sboms);
  await attach('results of the checks', 'attach-check', checks);
  return { pushed, newSboms };
}

/** One repository after the other: services that sign limit requests. */
async function signTargets(
  sign: SignRepository | undefined,
  targets: readonly Target[],
  events: EventSink,
): Promise<Map<Target, readonly SignedSubject[]>> {
  const signed = new Map<Target, readonly SignedSubject[]>();
  if (sign === undefined) return signed;
  events({ type: 'phase-started', phase: 'sign' });
  for (const target of targets) {
    const { repository, client } = target;
    signed.set(target, await beforeTags(`the image cannot be signed in ${repository}`, '', () => sign(client)));
  }
  events({ type: 'phase-finished', phase: 'sign' });
  return signed;
}

/** A Failure of `work` says what is there by now. */
async function beforeTags<T>(context: string, remedy: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { code, message, hint, notes, data } = error;
    throw new Failure(code, `${context}: ${message}`, {
      hint: `the image is there, but has no tag yet${remedy}`,
      notes: [...notes, ...(hint === undefined ? [] : [hint])],
      data,
      cause: error,
    });
  }
}

/** Fully qualified reference -> whether it moved. A Failure says which had moved before. */
async function moveTags({ index, blobs }: Publication, targets: readonly Target[]): Promise<Map<string, boolean>> {
  const moved = new Map<string, boolean>();
  const all = targets.flatMap(({ client, references }) => references.map((reference) => ({ client, reference })));
  const failures: unknown[] = [];
  await mapBounded(all, LIMITS.parallelDownloads, async ({ client, reference }) => {
    try {
      moved.set(printReference(reference), await moveTag(client, reference.tag ?? 'latest', index, blobs));
    } catch (error) {
      failures.push(error);
    }
  });
  const [first] = failures;
  if (first === undefined) return moved;
  if (!(first instanceof Failure)) throw first;
  const done = [...moved.keys()];
  throw new Failure(first.code, first.message, {
    ...(first.hint !== undefined && { hint: first.hint }),
    notes: [
      ...first.notes,
      ...(done.length === 0 ? ['no tag has moved'] : done.map((tag) => `this tag is in place: ${tag}`)),
    ],
    data: first.data,
    cause: first,
  });
}

/** In the order in which the keys first occur. */
function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

export function repositoryName({ registry, repository }: Pick<Reference, 'registry' | 'repository'>): string {
  return `${registry}/${repository}`;
}

type Progress = Extract<StaveEvent, { type: 'progress' }>;

/** Repositories are pushed to at the same time: what people see is the sum. */
function addingUp(events: EventSink): (repository: string) => EventSink {
  const last = new Map<string, Progress>();
  return (repository) => (event) => {
    if (event.type !== 'progress') {
      events(event);
      return;
    }
    last.set(repository, event);
    const sum = (key: 'done' | 'total') => [...last.values()].reduce((total, one) => total + one[key], 0);
    events({ ...event, done: sum('done'), total: sum('total') });
  };
}
