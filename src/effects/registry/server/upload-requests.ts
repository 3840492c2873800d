// Uploads: POST, PATCH, PUT, GET, DELETE and mounting (distribution spec, "Pushing blobs").

import { checkDigest } from './blob-requests.ts';
import { parseContentRange } from './byte-range.ts';
import type { ContentDigest } from './content-digest.ts';
import { type Answer, declaredBytes, type RegistryRequest } from './exchange.ts';
import { RegistryError } from './registry-error.ts';
import type { RegistryFolder, RepositoryFolder } from './registry-folder.ts';
import { isRepositoryName } from './route.ts';
import type { Upload, Uploads } from './uploads.ts';

/** What a client may read, as far as anybody asks: mounting takes from other repositories. */
export interface MountRules {
  readonly mayPull: (name: string) => boolean;
  /** Whether a client that does not say where a blob is may have it from any repository: only where all may be read. */
  readonly fromAnywhere: boolean;
}

/** POST to `uploads/`: mounts, takes a whole blob, or begins an upload. */
export async function answerUploadPost(
  folder: RegistryFolder,
  uploads: Uploads,
  repository: RepositoryFolder,
  rules: MountRules,
  request: RegistryRequest,
): Promise<Answer> {
  const mount = request.query.get('mount');
  if (mount !== null) {
    const digest = checkDigest(mount);
    if (await canMount(folder, digest, request.query.get('from'), rules)) {
      await repository.linkBlob(digest);
      return blobCreated(repository, digest);
    }
  }
  const digestText = request.query.get('digest');
  const digest = digestText === null ? undefined : checkDigest(digestText);
  const upload = await uploads.begin(repository, Date.now());
  if (digest === undefined || mount !== null) return uploadAnswer(202, upload);
  try {
    return await upload.exclusively(async () => {
      await upload.append(request, declaredBytes(request));
      await upload.finish(digest);
      return blobCreated(repository, digest);
    });
  } catch (error) {
    // The client was never told where this upload is: nobody can go on with it.
    await upload.cancel();
    throw error;
  } finally {
    uploads.forget(upload);
  }
}

async function canMount(
  folder: RegistryFolder,
  digest: ContentDigest,
  from: string | null,
  rules: MountRules,
): Promise<boolean> {
  if (from === null) return rules.fromAnywhere && (await folder.findBlob(digest));
  if (!isRepositoryName(from) || !rules.mayPull(from)) return false;
  return (await folder.repository(from).blobBytes(digest)) !== undefined;
}

/** PATCH: the next bytes. */
export async function answerUploadPatch(upload: Upload, request: RegistryRequest): Promise<Answer> {
  return await upload.exclusively(async () => {
    await appendChunk(upload, request);
    return uploadAnswer(202, upload);
  });
}

/** PUT: the last bytes, if any, and the digest of all. */
export async function answerUploadPut(uploads: Uploads, upload: Upload, request: RegistryRequest): Promise<Answer> {
  const digest = checkDigest(request.query.get('digest') ?? '');
  return await upload.exclusively(async () => {
    await appendChunk(upload, request);
    uploads.forget(upload);
    await upload.finish(digest);
    return blobCreated(upload.repository, digest);
  });
}

export async function answerUploadDelete(uploads: Uploads, upload: Upload): Promise<Answer> {
  return await upload.exclusively(async () => {
    uploads.forget(upload);
    await upload.cancel();
    return { status: 204, headers: {} };
  });
}

/** How far an upload is. With no byte yet the range is `0-0` all the same: the form has no other way to say it. */
export function uploadAnswer(status: 202 | 204, upload: Upload): Answer {
  return {
    status,
    headers: { ...uploadPlace(upload), ...(status === 202 && { 'content-length': '0' }) },
  };
}

async function appendChunk(upload: Upload, request: RegistryRequest): Promise<void> {
  const header = request.headers['content-range'];
  const declared = declaredBytes(request);
  if (header === undefined) return await upload.append(request, declared);
  const span = parseContentRange(header);
  if (span === undefined) {
    throw new RegistryError('BLOB_UPLOAD_INVALID', 'Content-Range must have the form <first>-<last>', {
      status: 416,
      headers: uploadPlace(upload),
    });
  }
  if (span.start !== upload.sizeBytes) {
    throw new RegistryError('BLOB_UPLOAD_INVALID', `the next byte is number ${upload.sizeBytes}, not ${span.start}`, {
      status: 416,
      headers: uploadPlace(upload),
    });
  }
  const sizeBytes = span.end - span.start;
  if (declared !== undefined && declared !== sizeBytes) {
    throw new RegistryError('SIZE_INVALID', 'Content-Range and Content-Length contradict each other');
  }
  await upload.append(request, sizeBytes);
}

function uploadPlace(upload: Upload): Record<string, string> {
  return {
    location: `/v2/${upload.repository.name}/blobs/uploads/${upload.id}`,
    range: `0-${Math.max(0, upload.sizeBytes - 1)}`,
    'docker-upload-uuid': upload.id,
  };
}

function blobCreated(repository: RepositoryFolder, digest: ContentDigest): Answer {
  return {
    status: 201,
    headers: {
      location: `/v2/${repository.name}/blobs/${digest}`,
      'docker-content-digest': digest,
      'content-length': '0',
    },
  };
}
