// What somebody can do about the answer of a consumer: sentences, the ones that help most first.

import { expectationName, signerName } from '../../../effects/signing/signer-expectation.ts';
import { SIGNATURE_PREDICATE } from '../../../formats/attestation/predicate-type.ts';
import type { Consumer, Look } from './consumer.ts';
import type { RegistryView, WalkContext, WayReport } from './walk-registry.ts';

export function adviceFor(
  consumer: Consumer,
  outcome: WayReport['outcome'],
  ways: readonly WayReport[],
  view: RegistryView,
  context: WalkContext,
): string[] {
  const deciding = ways.filter(({ decides }) => decides);
  const good = deciding.filter((way) => way.outcome === 'accepted');
  if (outcome === 'accepted') return [...cautions(consumer, good, context)];
  const advice = [...whereElse(consumer, ways, view), ...whoAndHow(consumer, deciding, context)];
  return [...new Set(advice)];
}

/** It accepts, but perhaps not what somebody thinks. */
function* cautions(
  consumer: Consumer,
  ways: readonly WayReport[],
  { trust, annotations }: WalkContext,
): Generator<string> {
  const accepted = ways.flatMap(({ looks }) => looks.flatMap(({ findings }) => findings)).filter((one) => !one.refusal);
  if (accepted.every(({ predicateType }) => predicateType !== SIGNATURE_PREDICATE)) {
    yield 'It takes an attestation for a signature: nothing here says that the image is signed.';
  }
  const asking = consumer.ways.find(({ name }) => name === ways[0]?.name)?.annotations ?? [];
  if (asking.length === 0 && Object.keys(annotations).length > 0) {
    yield `${consumer.title} cannot ask for annotations: those that you ask for were left out.`;
  }
  if (
    trust.expected.some((one) => one.kind === 'certificate' && ('pattern' in one.identity || 'pattern' in one.issuer))
  ) {
    yield 'Patterns fit from beginning to end here; Go’s fit anywhere unless they begin with ^ and end with $.';
  }
}

/** What it would need to find lies where it does not look, or is not called what it is. */
function* whereElse(consumer: Consumer, ways: readonly WayReport[], view: RegistryView): Generator<string> {
  for (const { name, outcome } of ways) if (outcome === 'accepted') yield `It is accepted by ${name}.`;
  for (const way of ways.filter(({ decides, outcome }) => decides && outcome !== 'accepted')) {
    const isMislabelled = way.looks.some(({ passedOver }) =>
      passedOver.some(({ why }) => why.startsWith('it is a bundle, but')),
    );
    if (isMislabelled) {
      yield 'The list of referrers calls bundles something else, as older clients of go-containerregistry wrote it: delete its tag, and sign again with stave.';
    }
    if (way.looks.every(({ findings }) => findings.length === 0)) {
      yield* whatIsMissing(consumer.ways.find(({ name }) => name === way.name)?.looks ?? [], view);
    }
  }
}

/** Why there is nothing to be found where it looks. */
function* whatIsMissing(looks: readonly Look[], view: RegistryView): Generator<string> {
  const bundles = [...view.bundles.values()].flat().filter(({ content }) => content !== undefined);
  const wanted = looks.find(({ predicateType }) => predicateType !== undefined)?.predicateType;
  if (bundles.length > 0 && looks.every(({ at }) => at === 'signature-tag')) {
    yield 'There are bundles, but it looks at the .sig tag alone: sign with "stave sign --format both".';
  }
  if (view.tagged.length > 0 && looks.every(({ at }) => at === 'referrers')) {
    yield 'There are legacy signatures, but it looks at referrers alone: sign with "stave sign --format both".';
  }
  if (wanted !== undefined && wanted !== SIGNATURE_PREDICATE) {
    yield `It asks for an attestation of the type ${wanted}: attest one with "stave attest".`;
  }
  if (bundles.length === 0 && view.tagged.length === 0) {
    yield 'Nothing is signed here: sign it, or name the index or tag that was signed.';
  }
}

function* whoAndHow(consumer: Consumer, ways: readonly WayReport[], { trust }: WalkContext): Generator<string> {
  for (const way of ways.filter(({ outcome }) => outcome !== 'accepted')) {
    const rules = consumer.ways.find(({ name }) => name === way.name);
    for (const { refusal, signer } of way.looks.flatMap(({ findings }) => findings)) {
      if (refusal?.reason === 'log-missing') yield `To count signatures that are in no log, ${rules?.ignoreLogBy}.`;
      if (refusal?.reason === 'certificate-expired') {
        yield 'Sign with a log, or give cosign --use-signed-timestamps.';
      }
      if (refusal?.reason === 'key-hash') yield 'Sign with a P-256 key, or give cosign --signature-digest-algorithm.';
      if ((refusal?.reason === 'identity' || refusal?.reason === 'other-key') && signer !== undefined) {
        const wanted = trust.expected.map(expectationName).join(' or ');
        yield `Expected ${wanted}, found ${signerName(signer)}.`;
      }
    }
    if (way.looks.length === 0) yield `${way.name}: ${way.why}.`;
    const last = way.looks.at(-1);
    const isCutShort = way.looks.length < (rules?.looks.length ?? 0) && (last?.findings.length ?? 0) > 0;
    if (isCutShort) yield `What is at "${last?.place}" is refused and keeps it from looking further.`;
  }
}
