// The public library: what another program needs to resolve, build and describe images. About twenty names; everything else
// may change without notice.

export type { Digest } from './base/digest.ts';
export type { EventSink, StaveEvent } from './base/events.ts';
export { Failure } from './base/failure.ts';
export { EXIT, FAILURE_CODES, type FailureCode } from './base/failure-codes.ts';
export { type BuildReport, type BuildRequest, buildImage } from './operations/build-image/build.ts';
export type { Host } from './operations/host.ts';
export type { ImageRequest, SourceRequest } from './operations/image/request.ts';
export { type LockReport, type LockRequest, lockImage } from './operations/lock.ts';
export { buildMinirootfs } from './operations/minirootfs.ts';
export { listPackages, type PackageList } from './operations/show-packages.ts';
export { whyNotPackage, whyPackage } from './operations/why.ts';
