// What tests of the registry client need: a client that waits for nothing, a log of its events, images and blobs in memory.

import { expect } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import type { StaveEvent } from '../../src/base/events.ts';
import { Failure } from '../../src/base/failure.ts';
import type { RetryClock } from '../../src/effects/http/retry.ts';
import { openRegistry, type RegistryClient } from '../../src/effects/registry/client/registry-client.ts';
import type { RegistryOptions } from '../../src/effects/registry/client/registry-connection.ts';
import type { BlobSource } from '../../src/formats/oci/blob-source.ts';
import { type Descriptor, describeBytes, MEDIA_TYPE } from '../../src/formats/oci/descriptor.ts';
import { type Image, type ImageIndex, makeImage, makeIndex } from '../../src/formats/oci/image.ts';
import { parseImageConfigFile } from '../../src/formats/oci/image-config.ts';

/** Stands in every secret of these tests: no event and no failure may have it. */
export const CANARY = 'canary-5ecre7';

export interface TestClock extends RetryClock {
  /** What was waited for, in milliseconds. Waiting moves the clock and takes no time. */
  readonly slept: number[];
  advance(ms: number): void;
}

export function testClock(): TestClock {
  let now = Date.UTC(2026, 0, 1);
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    advance: (ms) => {
      now += ms;
    },
    random: () => 0,
    sleep: async (ms) => {
      slept.push(ms);
      now += ms;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

export interface ClientBench {
  readonly clock: TestClock;
  readonly events: StaveEvent[];
  /** Options without any credential: the home folder does not exist. */
  options(more?: Partial<RegistryOptions>): RegistryOptions;
  /** A client for `HOST/REPOSITORY`. */
  open(place: string, more?: Partial<RegistryOptions>): RegistryClient;
  /** Closes what was opened, and looks for the canary in the events. */
  close(): Promise<void>;
}

export function openBench(): ClientBench {
  const opened: RegistryClient[] = [];
  const events: StaveEvent[] = [];
  const clock = testClock();
  const options = (more: Partial<RegistryOptions> = {}): RegistryOptions => ({
    environment: {},
    homeDir: '/nonexistent/home',
    version: '9.8.7',
    events: (event) => events.push(event),
    clock,
    timeoutMs: 5_000,
    ...more,
  });
  return {
    clock,
    events,
    options,
    open(place, more) {
      const client = openRegistry(place, options(more));
      opened.push(client);
      return client;
    },
    async close() {
      for (const client of opened.splice(0)) await client.close();
      expect(JSON.stringify(events)).not.toContain(CANARY);
    },
  };
}

/** The Failure that the work ends in. The canary is nowhere in it. */
export async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!(error instanceof Failure)) throw new Error(`not a Failure: ${String(error)}`, { cause: error });
  const { message, hint, notes, data, stack } = error;
  expect(`${message} ${hint} ${notes} ${JSON.stringify(data)} ${stack}`).not.toContain(CANARY);
  return error;
}

export interface TestBlob {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** Bytes that differ for each seed and do not repeat themselves. */
export function testBlob(sizeBytes: number, seed = 1, mediaType: string = MEDIA_TYPE.layerGzip): TestBlob {
  const bytes = new Uint8Array(sizeBytes);
  let state = seed * 2_654_435_761;
  for (let i = 0; i < sizeBytes; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes[i] = state >>> 24;
  }
  return { bytes, descriptor: describeBytes(bytes, mediaType) };
}

/** A source that also counts what was taken out of it. */
export function memoryBlobs(...blobs: readonly TestBlob[]): BlobSource & { readonly given: { bytes: number } } {
  const known = new Map(blobs.map(({ descriptor, bytes }) => [descriptor.digest, bytes]));
  const given = { bytes: 0 };
  return {
    given,
    async *open({ digest }, range) {
      const bytes = known.get(digest);
      if (bytes === undefined) throw new Failure('IMAGE_INVALID', `there is no blob ${digest}`);
      const wanted = range === undefined ? bytes : bytes.subarray(range.start, range.end);
      for (let at = 0; at < wanted.length; at += 16 * 1024) {
        const chunk = wanted.subarray(at, at + 16 * 1024);
        given.bytes += chunk.length;
        yield chunk;
      }
    },
  };
}

export async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

export interface TestImages {
  readonly index: ImageIndex;
  readonly images: readonly Image[];
  readonly layers: readonly TestBlob[];
  readonly blobs: ReturnType<typeof memoryBlobs>;
}

/** An index of two images, which share their lower layer. */
export function testImages(seed = 1, layerBytes = 3_000): TestImages {
  const shared = testBlob(layerBytes, seed * 10);
  const own = ['amd64', 'arm64'].map((_arch, i) => testBlob(layerBytes / 2, seed * 10 + i + 1));
  const images = ['amd64', 'arm64'].map((architecture, i) => {
    const layers = [shared, own[i] as TestBlob];
    const config = {
      architecture,
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: layers.map(({ bytes }) => sha256('tar of ', bytes)) },
    };
    return makeImage(
      parseImageConfigFile(Buffer.from(JSON.stringify(config)), 'the config'),
      layers.map(({ descriptor }) => descriptor),
      { 'org.example.seed': `${seed}` },
    );
  });
  const layers = [shared, ...own];
  return { index: makeIndex(images, {}), images, layers, blobs: memoryBlobs(...layers) };
}
