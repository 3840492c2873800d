// `stave doctor REF`: which credential is used and why, whether the registry can be reached, and what it can do
// (users-wishes.md 15). Trouble is an answer here, not a failure: the report goes on as far as it gets.

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { bareHost, proxyFor } from '../../effects/http/proxy.ts';
import { describeCredential } from '../../effects/registry/auth/credential.ts';
import { getManifest, resolveManifest } from '../../effects/registry/client/manifests.ts';
import { NO_CONTENT, probeReading, probeWriting } from '../../effects/registry/client/probe-features.ts';
import { RegistryConnection, type RegistryOptions } from '../../effects/registry/client/registry-connection.ts';
import type { Repository } from '../../effects/registry/client/repository.ts';
import type { Descriptor } from '../../formats/oci/descriptor.ts';
import { isIndexType, parseIndexManifest } from '../../formats/oci/image-index.ts';
import { parseManifest } from '../../formats/oci/manifest.ts';
import { parseReference, printReference, type Reference } from '../../formats/oci/reference.ts';
import type { Host } from '../host.ts';
import { type RegistryAccess, registryOptions } from './registry-request.ts';

export interface DoctorRequest extends RegistryAccess {
  readonly reference: string;
  /** Also tries what needs the right to push; nothing is left behind. */
  readonly write: boolean;
}

type DoctorTopic = 'credential' | 'address' | 'connection' | 'image' | 'reading' | 'writing';

interface DoctorFinding {
  readonly topic: DoctorTopic;
  /** `no`: the registry does not have that, and we do without. `problem`: somebody has to do something. */
  readonly state: 'ok' | 'no' | 'problem';
  /** For people: one sentence without full stop. */
  readonly text: string;
  /** For programs: `referrers-api`, `blob-ranges` ... with what was found. */
  readonly name: string;
  readonly value: string | number | boolean;
}

export interface DoctorReport {
  /** Fully qualified. */
  readonly reference: string;
  readonly findings: readonly DoctorFinding[];
  /** No finding is a problem. */
  readonly healthy: boolean;
}

/** Failures IMAGE_INVALID for what is no reference, FILE_UNREADABLE, NETWORK_OFFLINE. */
export async function doctor(request: DoctorRequest, host: Host): Promise<DoctorReport> {
  const reference = parseReference(request.reference);
  const options = registryOptions(request, host)(reference.registry);
  const examination = new Examination(reference, options);
  try {
    await examination.run(request.write);
  } finally {
    await examination.close();
  }
  const { findings } = examination;
  const healthy = findings.every(({ state }) => state !== 'problem');
  return { reference: printReference(reference), findings, healthy };
}

class Examination {
  readonly findings: DoctorFinding[] = [];
  readonly #reference: Reference;
  readonly #options: RegistryOptions;
  readonly #repository: Repository;

  constructor(reference: Reference, options: RegistryOptions) {
    this.#reference = reference;
    this.#options = options;
    const connection = new RegistryConnection(reference.registry, reference.repository, options);
    this.#repository = { connection, name: reference.repository };
  }

  async close(): Promise<void> {
    await this.#repository.connection.close();
  }

  async run(write: boolean): Promise<void> {
    await this.#step('credential', () => this.#credential());
    if (!(await this.#step('address', () => this.#address()))) return;
    if (!(await this.#step('connection', () => this.#connection()))) return;
    let found: Descriptor | undefined;
    let blob: Descriptor | undefined;
    await this.#step('image', async () => {
      found = await this.#image();
      blob = found && (await this.#someBlob(found));
    });
    await this.#step('reading', () => this.#reading(found, blob));
    if (write) await this.#step('writing', () => this.#writing(blob));
  }

  async #credential(): Promise<void> {
    const { credential, files, troubles } = await this.#repository.connection.auth.search();
    for (const trouble of troubles) this.#add('credential', 'problem', 'credential-helper', false, trouble);
    if (credential !== undefined) {
      const text = `${describeCredential(credential)} is used where the registry asks`;
      this.#add('credential', 'ok', 'credential', credential.source, text);
      return;
    }
    const where = files.length === 0 ? 'there is no credential file' : `nothing for it in ${files.join(', ')}`;
    this.#add('credential', 'no', 'credential', false, `there are no credentials for this registry: ${where}`);
  }

  async #address(): Promise<void> {
    const { base } = this.#repository.connection;
    const proxy = proxyFor(base, this.#options.environment);
    if (proxy !== undefined) {
      const { host } = new URL(proxy);
      this.#add('address', 'ok', 'proxy', host, `requests go through the proxy ${host}`);
      return;
    }
    const host = bareHost(base);
    if (isIP(host) !== 0) return;
    const addresses = (await lookup(host, { all: true })).map(({ address }) => address);
    this.#add('address', 'ok', 'addresses', addresses.length, `${host} is ${addresses.slice(0, 4).join(', ')}`);
  }

  async #connection(): Promise<void> {
    const { connection } = this.#repository;
    const request = { method: 'GET', place: '', doing: 'use it at all', scopes: [] } as const;
    const answer = await connection.read(request, LIMITS.registryAnswerBytes);
    if (answer.status !== 200) {
      const text = `${connection.base.host} answers, but not as a registry: status ${answer.status} for /v2/`;
      this.#add('connection', 'problem', 'registry', false, text);
      return;
    }
    const safety =
      connection.base.protocol === 'http:'
        ? 'plain http: nothing is encrypted'
        : this.#options.insecureSkipVerify
          ? 'https, but nobody checks the certificate'
          : 'https with a trusted certificate';
    const who = connection.auth.asked ? 'it accepts who we are' : 'it does not ask who we are';
    this.#add('connection', 'ok', 'registry', true, `${connection.base.host} is a registry (${safety}); ${who}`);
  }

  async #image(): Promise<Descriptor | undefined> {
    const { tag, digest } = this.#reference;
    const found = await resolveManifest(this.#repository, digest ?? tag ?? '');
    const name = printReference(this.#reference);
    if (found === undefined) this.#add('image', 'no', 'image', false, `${name} does not exist (yet)`);
    else this.#add('image', 'ok', 'image', found.digest, `${name} is ${found.digest} (${found.mediaType})`);
    return found;
  }

  /** The config of the image, or of the first image of an index. */
  async #someBlob(found: Descriptor): Promise<Descriptor | undefined> {
    let { descriptor, bytes } = await getManifest(this.#repository, found.digest);
    for (let depth = 0; isIndexType(descriptor.mediaType) && depth < LIMITS.imageIndexDepth; depth++) {
      const child = parseIndexManifest(bytes).manifests[0];
      if (child === undefined) return undefined;
      ({ descriptor, bytes } = await getManifest(this.#repository, child.digest));
    }
    return isIndexType(descriptor.mediaType) ? undefined : parseManifest(bytes).config;
  }

  async #reading(found: Descriptor | undefined, blob: Descriptor | undefined): Promise<void> {
    const features = await probeReading(this.#repository, found?.digest ?? NO_CONTENT, blob);
    this.#feature('reading', 'referrers-api', features.referrersApi, [
      'it lists signatures and SBOMs of an image itself (OCI 1.1)',
      'it does not list signatures and SBOMs (OCI 1.0 or Docker v2): stave keeps the list under a tag',
    ]);
    this.#feature('reading', 'blob-ranges', features.blobRanges, [
      'it gives parts of layers, and broken downloads go on where they were',
      'it gives layers only as a whole',
    ]);
  }

  async #writing(blob: Descriptor | undefined): Promise<void> {
    const features = await probeWriting(this.#repository, blob);
    this.#feature('writing', 'upload', features.upload, ['we may push', 'it does not let us begin an upload']);
    if (!features.upload) return;
    if (features.uploadHost !== undefined) {
      const text = `uploads go to ${features.uploadHost}, which does not get our credentials`;
      this.#add('writing', 'ok', 'upload-host', features.uploadHost, text);
    }
    const least = features.leastChunkBytes === 0 ? '' : ` of at least ${features.leastChunkBytes} bytes`;
    this.#feature('writing', 'chunked-upload', features.chunks, [
      `it takes uploads in pieces${least}`,
      'it takes uploads only as a whole',
    ]);
    this.#feature('writing', 'resumed-upload', features.resume, [
      'broken uploads go on where they were',
      'broken uploads begin anew',
    ]);
    this.#feature('writing', 'mount', features.mount, [
      'layers of other repositories are mounted, not sent',
      'layers of other repositories are sent again',
    ]);
    this.#feature('writing', 'delete', features.deleteManifests, ['it deletes images', 'it does not delete images']);
  }

  #feature(topic: DoctorTopic, name: string, value: boolean | undefined, [yes, no]: readonly [string, string]): void {
    if (value !== undefined) this.#add(topic, value ? 'ok' : 'no', name, value, value ? yes : no);
  }

  /** False where the step found a problem: a failure is one. */
  async #step(topic: DoctorTopic, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
    } catch (error) {
      if (error instanceof Failure && error.code === 'NETWORK_OFFLINE') throw error;
      const text = error instanceof Failure ? sentenceOf(error) : addressTrouble(error, this.#repository);
      this.#add(topic, 'problem', topic, false, text);
    }
    return !this.findings.some((finding) => finding.topic === topic && finding.state === 'problem');
  }

  #add(
    topic: DoctorTopic,
    state: DoctorFinding['state'],
    name: string,
    value: DoctorFinding['value'],
    text: string,
  ): void {
    this.findings.push({ topic, state, name, value, text });
  }
}

function sentenceOf({ message, hint, notes }: Failure): string {
  return [message, ...notes, hint].filter(Boolean).join('; ');
}

/** Only name servers throw anything else than a Failure here. */
function addressTrouble(error: unknown, { connection }: Repository): string {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall !== 'getaddrinfo') throw error;
  return `the host name ${connection.base.hostname} does not resolve (${code}); check its spelling, and the network`;
}
