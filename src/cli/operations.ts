// The doors from the command line to the operations floor. This file is loaded when a command first asks for an operation, and all of
// them with it: they share most of what they load, and one large file is read in two thirds of the time of forty small ones.
// Tests of the command line put their own operations behind the same doors.

import type { SignatureVerdict } from '../effects/signing/signature-verdict.ts';
import type { PruneReport } from '../effects/store/prune-store.ts';
import type { CacheStatus } from '../effects/store/store-status.ts';
import { type BuildReport, type BuildRequest, buildImage } from '../operations/build-image/build.ts';
import { type CacheRequest, type PruneRequest, pruneCache, showCache } from '../operations/cache.ts';
import { type CheckReport, checkSubject } from '../operations/check/check.ts';
import type { CheckRequest } from '../operations/check/check-request.ts';
import { type CleanReport, type CleanRequest, cleanCache } from '../operations/clean.ts';
import { buildCpio } from '../operations/cpio.ts';
import { type DotRequest, drawDependencies } from '../operations/dot.ts';
import type { Host } from '../operations/host.ts';
import type { SourceRequest } from '../operations/image/request.ts';
import { type LockReport, type LockRequest, lockImage } from '../operations/lock.ts';
import { buildMinirootfs, type RootfsReport, type RootfsRequest } from '../operations/minirootfs.ts';
import { type PublishReport, type PublishRequest, publishImage } from '../operations/publish-image/publish.ts';
import {
  type CopyReport,
  type CopyRequest,
  copyImage,
  type PullRequest,
  pullToPath,
} from '../operations/registry/copy.ts';
import { type DoctorReport, type DoctorRequest, doctor } from '../operations/registry/doctor.ts';
import { type InspectReport, type InspectRequest, inspectImage } from '../operations/registry/inspect.ts';
import { type LoadReport, type LoadRequest, loadImage } from '../operations/registry/load.ts';
import { type LoginReport, type LoginRequest, login } from '../operations/registry/login.ts';
import { type LogoutReport, logout } from '../operations/registry/logout.ts';
import { type MirrorReport, type MirrorRequest, mirrorInputs } from '../operations/registry/mirror.ts';
import { type RegistryServing, type ServeRequest, serveRegistry } from '../operations/registry/serve.ts';
import { type TagReport, type TagRequest, tagImage } from '../operations/registry/tag.ts';
import { readImageTree, type TreeReport, type TreeRequest } from '../operations/registry/tree.ts';
import { showConfig } from '../operations/show-config.ts';
import { listPackages, type PackageList } from '../operations/show-packages.ts';
import { generateKeys, importKeys, type KeyFiles, publicKeyOfPrivate } from '../operations/sign/keys.ts';
import {
  type AttestReport,
  type AttestRequest,
  attestReference,
  type SignImageRequest,
  signReference,
} from '../operations/sign/sign.ts';
import type { SignReport } from '../operations/sign/sign-image.ts';
import {
  type SignBundleRequest,
  signBundle,
  type VerifyBundleRequest,
  verifyBundleFile,
} from '../operations/verify/conformance.ts';
import { type ConsumerReport, type VerifyAsRequest, verifyAs } from '../operations/verify/consumers/verify-as.ts';
import {
  type DownloadReport,
  type DownloadRequest,
  downloadAttestations,
  downloadSboms,
  downloadSignatures,
} from '../operations/verify/download.ts';
import {
  printTrustPolicy,
  type TrustPolicyReport,
  type TrustPolicyRequest,
} from '../operations/verify/policies/trust-policy.ts';
import { type TrustSignerReport, type TrustSignerRequest, trustSigner } from '../operations/verify/trust-signer.ts';
import {
  type TrustUpdateReport,
  type TrustUpdateRequest,
  updateTrustedRoot,
} from '../operations/verify/trust-update.ts';
import {
  type VerifyAttestationReport,
  type VerifyAttestationRequest,
  type VerifyReferenceRequest,
  type VerifyReport,
  verifyAttestation,
  verifyReference,
} from '../operations/verify/verify.ts';
import { type WhyAnswer, type WhyRequest, whyNotPackage, whyPackage } from '../operations/why.ts';

export interface Operations {
  buildImage(request: BuildRequest, host: Host): Promise<BuildReport>;
  lockImage(request: LockRequest, host: Host): Promise<LockReport>;
  listPackages(request: SourceRequest, host: Host): Promise<readonly PackageList[]>;
  /** YAML text. */
  showConfig(request: SourceRequest, host: Host): Promise<string>;
  /** Graphviz text. */
  drawDependencies(request: DotRequest, host: Host): Promise<string>;
  buildMinirootfs(request: RootfsRequest, host: Host): Promise<RootfsReport>;
  buildCpio(request: RootfsRequest, host: Host): Promise<RootfsReport>;
  whyPackage(request: WhyRequest, host: Host): Promise<readonly WhyAnswer[]>;
  whyNotPackage(request: WhyRequest, host: Host): Promise<readonly WhyAnswer[]>;
  checkSubject(request: CheckRequest, host: Host): Promise<CheckReport>;
  cleanCache(request: CleanRequest, host: Host): Promise<CleanReport>;
  showCache(request: CacheRequest, host: Host): Promise<CacheStatus>;
  pruneCache(request: PruneRequest, host: Host): Promise<PruneReport>;
  serveRegistry(request: ServeRequest, host: Host): Promise<RegistryServing>;
  publishImage(request: PublishRequest, host: Host): Promise<PublishReport>;
  copyImage(request: CopyRequest, host: Host): Promise<CopyReport>;
  pullToPath(request: PullRequest, host: Host): Promise<CopyReport>;
  tagImage(request: TagRequest, host: Host): Promise<TagReport>;
  inspectImage(request: InspectRequest, host: Host): Promise<InspectReport>;
  readImageTree(request: TreeRequest, host: Host): Promise<TreeReport>;
  loadImage(request: LoadRequest, host: Host): Promise<LoadReport>;
  mirrorInputs(request: MirrorRequest, host: Host): Promise<MirrorReport>;
  login(request: LoginRequest, host: Host): Promise<LoginReport>;
  /** `registry` undefined: Docker Hub. */
  logout(registry: string | undefined, host: Host): Promise<LogoutReport>;
  doctor(request: DoctorRequest, host: Host): Promise<DoctorReport>;
  signReference(request: SignImageRequest, host: Host): Promise<SignReport>;
  attestReference(request: AttestRequest, host: Host): Promise<AttestReport>;
  verifyReference(request: VerifyReferenceRequest, host: Host): Promise<VerifyReport>;
  verifyAs(request: VerifyAsRequest, host: Host): Promise<ConsumerReport>;
  verifyAttestation(request: VerifyAttestationRequest, host: Host): Promise<VerifyAttestationReport>;
  /** `prefix` names the files. */
  generateKeys(prefix: string, host: Host): Promise<KeyFiles>;
  importKeys(key: string, prefix: string, host: Host): Promise<KeyFiles>;
  /** PEM text. */
  publicKeyOfPrivate(key: string, host: Host): Promise<string>;
  signBundle(request: SignBundleRequest, host: Host): Promise<void>;
  verifyBundleFile(request: VerifyBundleRequest, host: Host): Promise<SignatureVerdict>;
  trustSigner(request: TrustSignerRequest, host: Host): Promise<TrustSignerReport>;
  printTrustPolicy(request: TrustPolicyRequest, host: Host): Promise<TrustPolicyReport>;
  updateTrustedRoot(request: TrustUpdateRequest, host: Host): Promise<TrustUpdateReport>;
  downloadSignatures(request: DownloadRequest, host: Host): Promise<DownloadReport>;
  downloadAttestations(request: DownloadRequest, host: Host): Promise<DownloadReport>;
  downloadSboms(request: DownloadRequest, host: Host): Promise<DownloadReport>;
}

export const operations: Operations = {
  buildImage,
  lockImage,
  listPackages,
  showConfig,
  drawDependencies,
  buildMinirootfs,
  buildCpio,
  whyPackage,
  whyNotPackage,
  checkSubject,
  cleanCache,
  showCache,
  pruneCache,
  serveRegistry,
  publishImage,
  copyImage,
  pullToPath,
  tagImage,
  inspectImage,
  readImageTree,
  login,
  logout,
  doctor,
  loadImage,
  mirrorInputs,
  signReference,
  attestReference,
  verifyReference,
  verifyAs,
  verifyAttestation,
  generateKeys,
  importKeys,
  publicKeyOfPrivate,
  trustSigner,
  signBundle,
  verifyBundleFile,
  printTrustPolicy,
  updateTrustedRoot,
  downloadSignatures,
  downloadAttestations,
  downloadSboms,
};
