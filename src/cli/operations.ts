// The doors from the command line to the operations floor. Each opens on first use: a command loads only what it needs.
// Tests of the command line put their own operations behind the same doors.

import type { SignatureVerdict } from '../effects/signing/signature-verdict.ts';
import type { PruneReport } from '../effects/store/prune-store.ts';
import type { CacheStatus } from '../effects/store/store-status.ts';
import type { BuildReport, BuildRequest } from '../operations/build-image/build.ts';
import type { CacheRequest, PruneRequest } from '../operations/cache.ts';
import type { CheckReport } from '../operations/check/check.ts';
import type { CheckRequest } from '../operations/check/check-request.ts';
import type { CleanReport, CleanRequest } from '../operations/clean.ts';
import type { DotRequest } from '../operations/dot.ts';
import type { Host } from '../operations/host.ts';
import type { SourceRequest } from '../operations/image/request.ts';
import type { LockReport, LockRequest } from '../operations/lock.ts';
import type { RootfsReport, RootfsRequest } from '../operations/minirootfs.ts';
import type { PublishReport, PublishRequest } from '../operations/publish-image/publish.ts';
import type { CopyReport, CopyRequest, PullRequest } from '../operations/registry/copy.ts';
import type { DoctorReport, DoctorRequest } from '../operations/registry/doctor.ts';
import type { InspectReport, InspectRequest } from '../operations/registry/inspect.ts';
import type { LoadReport, LoadRequest } from '../operations/registry/load.ts';
import type { LoginReport, LoginRequest } from '../operations/registry/login.ts';
import type { LogoutReport } from '../operations/registry/logout.ts';
import type { MirrorReport, MirrorRequest } from '../operations/registry/mirror.ts';
import type { RegistryServing, ServeRequest } from '../operations/registry/serve.ts';
import type { TagReport, TagRequest } from '../operations/registry/tag.ts';
import type { TreeReport, TreeRequest } from '../operations/registry/tree.ts';
import type { PackageList } from '../operations/show-packages.ts';
import type { KeyFiles } from '../operations/sign/keys.ts';
import type { AttestReport, AttestRequest, SignImageRequest } from '../operations/sign/sign.ts';
import type { SignReport } from '../operations/sign/sign-image.ts';
import type { SignBundleRequest, VerifyBundleRequest } from '../operations/verify/conformance.ts';
import type { ConsumerReport, VerifyAsRequest } from '../operations/verify/consumers/verify-as.ts';
import type { DownloadReport, DownloadRequest } from '../operations/verify/download.ts';
import type { TrustPolicyReport, TrustPolicyRequest } from '../operations/verify/policies/trust-policy.ts';
import type { TrustSignerReport, TrustSignerRequest } from '../operations/verify/trust-signer.ts';
import type { TrustUpdateReport, TrustUpdateRequest } from '../operations/verify/trust-update.ts';
import type {
  VerifyAttestationReport,
  VerifyAttestationRequest,
  VerifyReferenceRequest,
  VerifyReport,
} from '../operations/verify/verify.ts';
import type { WhyAnswer, WhyRequest } from '../operations/why.ts';

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
  buildImage: async (request, host) => (await import('../operations/build-image/build.ts')).buildImage(request, host),
  lockImage: async (request, host) => (await import('../operations/lock.ts')).lockImage(request, host),
  listPackages: async (request, host) => (await import('../operations/show-packages.ts')).listPackages(request, host),
  showConfig: async (request, host) => (await import('../operations/show-config.ts')).showConfig(request, host),
  drawDependencies: async (request, host) => (await import('../operations/dot.ts')).drawDependencies(request, host),
  buildMinirootfs: async (request, host) =>
    (await import('../operations/minirootfs.ts')).buildMinirootfs(request, host),
  buildCpio: async (request, host) => (await import('../operations/cpio.ts')).buildCpio(request, host),
  whyPackage: async (request, host) => (await import('../operations/why.ts')).whyPackage(request, host),
  whyNotPackage: async (request, host) => (await import('../operations/why.ts')).whyNotPackage(request, host),
  checkSubject: async (request, host) => (await import('../operations/check/check.ts')).checkSubject(request, host),
  cleanCache: async (request, host) => (await import('../operations/clean.ts')).cleanCache(request, host),
  showCache: async (request, host) => (await import('../operations/cache.ts')).showCache(request, host),
  pruneCache: async (request, host) => (await import('../operations/cache.ts')).pruneCache(request, host),
  serveRegistry: async (request, host) =>
    (await import('../operations/registry/serve.ts')).serveRegistry(request, host),
  publishImage: async (request, host) =>
    (await import('../operations/publish-image/publish.ts')).publishImage(request, host),
  copyImage: async (request, host) => (await import('../operations/registry/copy.ts')).copyImage(request, host),
  pullToPath: async (request, host) => (await import('../operations/registry/copy.ts')).pullToPath(request, host),
  tagImage: async (request, host) => (await import('../operations/registry/tag.ts')).tagImage(request, host),
  inspectImage: async (request, host) =>
    (await import('../operations/registry/inspect.ts')).inspectImage(request, host),
  readImageTree: async (request, host) => (await import('../operations/registry/tree.ts')).readImageTree(request, host),
  login: async (request, host) => (await import('../operations/registry/login.ts')).login(request, host),
  logout: async (registry, host) => (await import('../operations/registry/logout.ts')).logout(registry, host),
  doctor: async (request, host) => (await import('../operations/registry/doctor.ts')).doctor(request, host),
  loadImage: async (request, host) => (await import('../operations/registry/load.ts')).loadImage(request, host),
  mirrorInputs: async (request, host) => (await import('../operations/registry/mirror.ts')).mirrorInputs(request, host),
  signReference: async (request, host) => (await import('../operations/sign/sign.ts')).signReference(request, host),
  attestReference: async (request, host) => (await import('../operations/sign/sign.ts')).attestReference(request, host),
  verifyReference: async (request, host) =>
    (await import('../operations/verify/verify.ts')).verifyReference(request, host),
  verifyAs: async (request, host) =>
    (await import('../operations/verify/consumers/verify-as.ts')).verifyAs(request, host),
  verifyAttestation: async (request, host) =>
    (await import('../operations/verify/verify.ts')).verifyAttestation(request, host),
  generateKeys: async (prefix, host) => (await import('../operations/sign/keys.ts')).generateKeys(prefix, host),
  importKeys: async (key, prefix, host) => (await import('../operations/sign/keys.ts')).importKeys(key, prefix, host),
  publicKeyOfPrivate: async (key, host) => (await import('../operations/sign/keys.ts')).publicKeyOfPrivate(key, host),
  trustSigner: async (request, host) =>
    (await import('../operations/verify/trust-signer.ts')).trustSigner(request, host),
  signBundle: async (request, host) => (await import('../operations/verify/conformance.ts')).signBundle(request, host),
  verifyBundleFile: async (request, host) =>
    (await import('../operations/verify/conformance.ts')).verifyBundleFile(request, host),
  printTrustPolicy: async (request, host) =>
    (await import('../operations/verify/policies/trust-policy.ts')).printTrustPolicy(request, host),
  updateTrustedRoot: async (request, host) =>
    (await import('../operations/verify/trust-update.ts')).updateTrustedRoot(request, host),
  downloadSignatures: async (request, host) =>
    (await import('../operations/verify/download.ts')).downloadSignatures(request, host),
  downloadAttestations: async (request, host) =>
    (await import('../operations/verify/download.ts')).downloadAttestations(request, host),
  downloadSboms: async (request, host) =>
    (await import('../operations/verify/download.ts')).downloadSboms(request, host),
};
