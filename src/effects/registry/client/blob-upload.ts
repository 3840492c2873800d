// Blobs into a repository: nothing where it is already there, a mount where a neighbour has it, else an upload of constant
// memory that goes on after a broken connection where the registry allows (distribution spec, "Pushing blobs").
// Must never send our Authorization to an upload place on another host.

import { isDigest } from '../../../base/digest.ts';
import { assert, Failure } from '../../../base/failure.ts';
import { LIMITS } from '../../../base/limits.ts';
import { type BlobSource, openVerified } from '../../../formats/oci/blob-source.ts';
import type { Descriptor } from '../../../formats/oci/descriptor.ts';
import { attemptsWorth, isRetryableStatus, MAX_ATTEMPTS, retryAfterMs } from '../../http/retry.ts';
import type { SmallAnswer } from '../small-answer.ts';
import { hasBlob } from './blob-download.ts';
import type { RegistryRequest } from './registry-connection.ts';
import { parseErrors, protocolFailure, statusFailure } from './registry-failure.ts';
import { nameOf, type Repository, scopesOf } from './repository.ts';
import { beginUpload, confirmedBytes, type UploadSession, uploadPlace, withDigest } from './upload-session.ts';

export interface PushBlobOptions {
  /** A repository of the same registry that may have the blob. */
  readonly mountFrom?: string | undefined;
  /** Called with the number of bytes that went to the socket; bytes sent again count again. */
  readonly onSent?: (sizeBytes: number) => void;
}

export type PushedBlob = 'present' | 'mounted' | 'sent';

/** Failures of the source, CHECKSUM_MISMATCH, NETWORK_UNREACHABLE, and those of the connection. */
export async function pushBlob(
  repository: Repository,
  descriptor: Descriptor,
  source: BlobSource,
  options: PushBlobOptions = {},
): Promise<PushedBlob> {
  if (await hasBlob(repository, descriptor, true)) return 'present';
  const session = await beginUpload(repository, descriptor, options.mountFrom);
  if (session === 'mounted') return 'mounted';
  await new Upload(repository, descriptor, source, session, options).run();
  return 'sent';
}

/** What to do after a step that did not complete: ask how far it came, or begin anew, perhaps in smaller pieces. */
interface Setback {
  readonly next: 'ask' | 'begin' | 'smaller';
  /** What to throw when there are no attempts left. */
  readonly failure: Failure;
  /** Requests in all that are worth it. */
  readonly attempts: number;
  readonly waitMs?: number | undefined;
}

/** Servers hash the whole blob, and may copy it to their storage, before they answer the last request. */
const COMMIT_TIMEOUT_MS = 600_000;
/** Where a whole blob is too large for one request (413): a common bound of proxies is 100 MB, some take 4 MiB only. */
const CHUNK_BYTES = [64 * 1024 * 1024, 16 * 1024 * 1024, 4 * 1024 * 1024] as const;
/** A break after this much progress does not count as another attempt. */
const PROGRESS_BYTES = 1024 * 1024;

class Upload {
  readonly #repository: Repository;
  readonly #descriptor: Descriptor;
  readonly #source: BlobSource;
  readonly #onSent: (sizeBytes: number) => void;
  #session: UploadSession;
  /** Bytes that the registry has confirmed. */
  #offset = 0;
  /** Of one request; undefined: everything at once. */
  #chunkBytes: number | undefined;
  /** A part of this session went over in an earlier request. */
  #resumed = false;

  constructor(
    repository: Repository,
    descriptor: Descriptor,
    source: BlobSource,
    session: UploadSession,
    { onSent = () => {} }: PushBlobOptions,
  ) {
    this.#repository = repository;
    this.#descriptor = descriptor;
    this.#source = source;
    this.#session = session;
    this.#onSent = onSent;
  }

  async run(): Promise<void> {
    let attempt = 0;
    let best = 0;
    for (;;) {
      const setback = await this.#transfer();
      if (setback === undefined) return;
      attempt = this.#offset - best >= PROGRESS_BYTES ? 1 : attempt + 1;
      best = Math.max(best, this.#offset);
      if (attempt >= Math.min(MAX_ATTEMPTS, setback.attempts)) {
        await this.#abandon();
        throw setback.failure;
      }
      if (setback.next !== 'smaller') {
        await this.#connection.pause(this.#session.place, attempt, setback.failure, setback.waitMs);
      }
      if (setback.next !== 'ask' || !(await this.#findOffset())) await this.#beginAnew(setback.next === 'smaller');
    }
  }

  get #connection() {
    return this.#repository.connection;
  }

  /** Sends what is missing. undefined when the blob is there. */
  async #transfer(): Promise<Setback | undefined> {
    const { sizeBytes, digest } = this.#descriptor;
    const whole = this.#offset === 0 && this.#chunkBytes === undefined && !this.#resumed;
    if (!whole) {
      while (this.#offset < sizeBytes) {
        const setback = await this.#sendChunk();
        if (setback !== undefined) return setback;
      }
    }
    const answer = await this.#send({
      ...this.#request('PUT', withDigest(this.#session.place, digest)),
      headers: { 'content-type': 'application/octet-stream', 'content-length': `${whole ? sizeBytes : 0}` },
      ...(whole && sizeBytes > 0 && { body: () => this.#bytes(0, sizeBytes) }),
      answerTimeoutMs: COMMIT_TIMEOUT_MS,
    });
    if ('next' in answer) return answer;
    if (answer.status < 200 || answer.status > 299) return await this.#setbackOf(answer);
    const stored = answer.headers['docker-content-digest'];
    if (typeof stored !== 'string' || !isDigest(stored) || stored === digest) return undefined;
    throw protocolFailure(this.#connection.base, `stored the blob ${digest} as ${stored}`);
  }

  async #sendChunk(): Promise<Setback | undefined> {
    const start = this.#offset;
    const end = Math.min(start + (this.#chunkBytes ?? Number.POSITIVE_INFINITY), this.#descriptor.sizeBytes);
    const answer = await this.#send({
      ...this.#request('PATCH', this.#session.place),
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': `${end - start}`,
        'content-range': `${start}-${end - 1}`,
      },
      body: () => this.#bytes(start, end),
    });
    if ('next' in answer) return answer;
    if (![202, 201, 204].includes(answer.status)) return await this.#setbackOf(answer);
    this.#resumed = true;
    this.#session = { ...this.#session, place: uploadPlace(this.#repository, answer) ?? this.#session.place };
    const confirmed = confirmedBytes(answer) ?? end;
    if (confirmed > end || confirmed < start) {
      throw protocolFailure(this.#connection.base, `confirms ${confirmed} bytes of an upload after ${end}`);
    }
    if (confirmed === start) return this.#setback('begin', answer, await this.#textOf(answer));
    this.#offset = confirmed;
    return undefined;
  }

  /** The bytes on their way to the socket: checked where they are the whole blob, counted where they are a part. */
  async *#bytes(start: number, end: number): AsyncGenerator<Uint8Array> {
    const descriptor = this.#descriptor;
    const whole = start === 0 && end === descriptor.sizeBytes;
    const chunks = whole ? openVerified(this.#source, descriptor) : this.#source.open(descriptor, { start, end });
    let sizeBytes = 0;
    for await (const chunk of chunks) {
      sizeBytes += chunk.length;
      assert(
        sizeBytes <= end - start,
        `a source gives no more than the range ${start}..${end} of ${descriptor.digest}`,
      );
      yield chunk;
      this.#onSent(chunk.length);
    }
    if (sizeBytes === end - start) return;
    throw new Failure('CHECKSUM_MISMATCH', `the blob ${descriptor.digest} ends at byte ${start + sizeBytes}`, {
      hint: 'Its source is damaged or was changed: fetch or build it again.',
    });
  }

  /** One attempt: what became of it decides over the next one. */
  async #send(request: RegistryRequest): Promise<SmallAnswer | Setback> {
    try {
      return await this.#connection.read({ ...request, maxAttempts: 1 }, LIMITS.registryAnswerBytes);
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'NETWORK_UNREACHABLE') throw error;
      return { next: 'ask', failure: error, attempts: attemptsWorth(error.cause) };
    }
  }

  async #setbackOf(answer: SmallAnswer): Promise<Setback> {
    const { status } = answer;
    const text = await this.#textOf(answer);
    if (isRetryableStatus(status)) {
      const waitMs = retryAfterMs(answer.headers['retry-after'], this.#connection.clock);
      if (waitMs !== 'too-long') return { ...this.#setback('ask', answer, text), waitMs };
    }
    if (status === 413 && this.#smallerChunk() !== undefined) return this.#setback('smaller', answer, text);
    // The session has ended, or is not where we thought: another one may do.
    if (status === 416) return this.#setback('ask', answer, text);
    const lost = status === 404 && parseErrors(answer.bytes).some(({ code }) => code === 'BLOB_UPLOAD_UNKNOWN');
    if (lost || (status === 400 && this.#resumed)) return this.#setback('begin', answer, text);
    await this.#abandon();
    throw statusFailure(answer, this.#doing, text);
  }

  #setback(next: Setback['next'], answer: SmallAnswer, text: string | undefined): Setback {
    return { next, failure: statusFailure(answer, this.#doing, text), attempts: MAX_ATTEMPTS };
  }

  /** The next smaller size that the registry still takes, if there is one. */
  #smallerChunk(): number | undefined {
    const present = this.#chunkBytes ?? this.#descriptor.sizeBytes;
    return CHUNK_BYTES.find((sizeBytes) => sizeBytes < present && sizeBytes >= this.#session.leastChunkBytes);
  }

  /** Asks the registry how much it has. False where it does not know, and the upload has to begin anew. */
  async #findOffset(): Promise<boolean> {
    const answer = await this.#connection.read(this.#request('GET', this.#session.place), LIMITS.registryAnswerBytes);
    const confirmed = answer.status === 204 || answer.status === 200 ? confirmedBytes(answer) : undefined;
    // With nothing there, a new upload is the same, and not broken.
    if (confirmed === undefined || confirmed === 0 || confirmed > this.#descriptor.sizeBytes) return false;
    this.#session = { ...this.#session, place: uploadPlace(this.#repository, answer) ?? this.#session.place };
    this.#offset = confirmed;
    this.#resumed = true;
    return true;
  }

  async #beginAnew(smaller: boolean): Promise<void> {
    await this.#abandon();
    if (smaller) this.#chunkBytes = this.#smallerChunk();
    const session = await beginUpload(this.#repository, this.#descriptor, undefined);
    assert(session !== 'mounted', 'nothing is mounted that was not asked for');
    this.#session = session;
    this.#offset = 0;
    this.#resumed = false;
  }

  /** Tells the registry that it may forget what it has. Politeness: what it answers does not matter. */
  async #abandon(): Promise<void> {
    const request = { ...this.#request('DELETE', this.#session.place), maxAttempts: 1 };
    await this.#connection.read(request, LIMITS.registryAnswerBytes).catch(() => undefined);
  }

  #request(method: RegistryRequest['method'], place: URL): RegistryRequest {
    return { method, place, doing: this.#doing, scopes: scopesOf(this.#repository, 'pull', 'push') };
  }

  get #doing(): string {
    return `push a blob to ${nameOf(this.#repository)}`;
  }

  async #textOf(answer: SmallAnswer): Promise<string | undefined> {
    return await this.#connection.errorText(answer.bytes);
  }
}
