// `stave verify --as CONSUMER`: whether another verifier would accept an image, why, and what would have to change.
// An image may satisfy us and no one else: consumers look into different corners of a registry.

import type { Digest } from '../../../base/digest.ts';
import { Failure } from '../../../base/failure.ts';
import { LIMITS } from '../../../base/limits.ts';
import { systemClock } from '../../../effects/http/retry.ts';
import { expectationName } from '../../../effects/signing/signer-expectation.ts';
import { type Descriptor, platformName } from '../../../formats/oci/descriptor.ts';
import { isIndexType, parseIndexManifest } from '../../../formats/oci/image-index.ts';
import { parseReference, printReference } from '../../../formats/oci/reference.ts';
import type { Host } from '../../host.ts';
import { withRegistries } from '../../registry/registries.ts';
import { trustFor } from '../expected-signer.ts';
import type { VerifyReferenceRequest } from '../verify.ts';
import { adviceFor } from './advice.ts';
import type { Consumer, ConsumerName } from './consumer.ts';
import { COSIGN_2, COSIGN_3 } from './cosign.ts';
import { GH } from './gh.ts';
import { KYVERNO } from './kyverno.ts';
import { POLICY_CONTROLLER } from './policy-controller.ts';
import { type ConsumerStore, readView, type WalkContext, type WayReport, walkWay } from './walk-registry.ts';

export interface VerifyAsRequest extends VerifyReferenceRequest {
  readonly consumer: ConsumerName;
}

export interface ConsumerReport {
  readonly consumer: ConsumerName;
  readonly title: string;
  /** Which state of the consumer the rules are of. */
  readonly rulesOf: string;
  /** With the digest. */
  readonly reference: string;
  readonly image: Digest | undefined;
  /** `absent`: there is no such image. `unknown`: as of a way. */
  readonly outcome: WayReport['outcome'] | 'absent';
  readonly ways: readonly WayReport[];
  /** Images of an index, for those who name them by digest: consumers look at what the reference leads to alone. */
  readonly platforms: readonly PlatformReport[];
  /** Sentences: what would have to change, and what to be careful about. */
  readonly advice: readonly string[];
  readonly notKnown: readonly string[];
  readonly expected: readonly string[];
  readonly trustedBy: string;
}

interface PlatformReport {
  readonly platform: string;
  readonly image: Digest;
  readonly outcome: WayReport['outcome'];
}

const CONSUMERS: Readonly<Record<ConsumerName, Consumer>> = {
  cosign2: COSIGN_2,
  cosign3: COSIGN_3,
  kyverno: KYVERNO,
  'policy-controller': POLICY_CONTROLLER,
  gh: GH,
};

/** Failures of the registry, CONFIG_*, KEY_INVALID, TRUST_ROOT_INVALID, USAGE_FLAG. */
export async function verifyAs(request: VerifyAsRequest, host: Host): Promise<ConsumerReport> {
  const consumer = CONSUMERS[request.consumer];
  if (request.layout !== undefined || request.offline) {
    throw new Failure(
      'USAGE_FLAG',
      `${consumer.title} reads registries: --as goes with neither --layout nor --offline`,
    );
  }
  const reference = parseReference(request.reference);
  const trust = await trustFor(request, reference, host);
  const context = { trust, annotations: request.annotations, nowMs: systemClock.now() };
  const about = { expected: trust.expected.map(expectationName), trustedBy: trust.by };
  return await withRegistries(request, host, async (registries) => {
    const store = registries.client(reference);
    const tagOrDigest = reference.digest ?? reference.tag ?? '';
    if ((await store.resolve(tagOrDigest)) === undefined) {
      return { ...absent(consumer), ...about, reference: printReference(reference) };
    }
    const { descriptor, bytes } = await store.getManifest(tagOrDigest);
    return {
      ...(await walkConsumer(consumer, store, descriptor.digest, context)),
      ...about,
      reference: printReference({ ...reference, digest: descriptor.digest }),
      image: descriptor.digest,
      platforms: await walkPlatforms(consumer, store, platformsOf(descriptor, bytes), context),
    };
  });
}

function absent({ name, title, seen, notKnown }: Consumer) {
  const advice = ['There is no such image. Look at the tag or digest.'];
  const nothing = { image: undefined, outcome: 'absent' as const, ways: [], platforms: [], advice };
  return { consumer: name, title, rulesOf: seen, notKnown, ...nothing };
}

interface Found extends Pick<ConsumerReport, 'consumer' | 'title' | 'rulesOf' | 'ways' | 'advice' | 'notKnown'> {
  readonly outcome: WayReport['outcome'];
}

async function walkConsumer(
  consumer: Consumer,
  store: ConsumerStore,
  image: Digest,
  context: WalkContext,
): Promise<Found> {
  const view = await readView(store, image);
  const ways: WayReport[] = [];
  for (const way of consumer.ways) ways.push(await walkWay(way, view, context));
  const outcome = outcomeOf(consumer, ways);
  const { name, title, seen, notKnown } = consumer;
  const advice = adviceFor(consumer, outcome, ways, view, context);
  return { consumer: name, title, rulesOf: seen, outcome, ways, advice, notKnown };
}

function outcomeOf({ needs }: Consumer, ways: readonly WayReport[]): WayReport['outcome'] {
  const outcomes = ways.filter(({ decides }) => decides).map(({ outcome }) => outcome);
  const isEnough = needs === 'one' ? outcomes.includes('accepted') : outcomes.every((one) => one === 'accepted');
  if (isEnough) return 'accepted';
  const isSure = needs === 'one' ? !outcomes.includes('unknown') : outcomes.includes('refused');
  return isSure ? 'refused' : 'unknown';
}

async function walkPlatforms(
  consumer: Consumer,
  store: ConsumerStore,
  platforms: readonly Descriptor[],
  context: WalkContext,
): Promise<PlatformReport[]> {
  const reports: PlatformReport[] = [];
  for (const { platform, digest } of platforms) {
    const { outcome } = await walkConsumer(consumer, store, digest, context);
    reports.push({ platform: platform === undefined ? 'unknown' : platformName(platform), image: digest, outcome });
  }
  return reports;
}

function platformsOf({ mediaType, digest }: Descriptor, bytes: Uint8Array): readonly Descriptor[] {
  if (!isIndexType(mediaType)) return [];
  // Builders put attestations of their own among the images, as platform unknown/unknown.
  const { manifests } = parseIndexManifest(bytes, digest);
  return manifests.filter(({ platform }) => platform?.os !== 'unknown').slice(0, LIMITS.consumerPlatforms);
}
