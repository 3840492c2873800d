// An archive that is begun before its images are known to the end: a layer whose place is known is written there while it is
// hashed, instead of being read and checked once more (a quarter of a second for 190 MB). What is at its place when the archive is
// written is passed over; anything else is written then, so that the bytes never depend on what was early enough.

import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Digest } from '../../base/digest.ts';
import type { Descriptor } from '../../formats/oci/descriptor.ts';
import { BLOCK_BYTES } from '../../formats/tar/block.ts';
import { tarPadding } from '../../formats/tar/write.ts';
import {
  type ByteSink,
  dropFile,
  failingUnwritable,
  nameFile,
  openPartial,
  type PartialFile,
  sweepPartials,
} from './atomic-file.ts';
import type { LayerDraft } from './compress-pieces.ts';

/** Where an archive goes. */
export interface ArchiveSink {
  readonly write: ByteSink;
  /** Answers true where the blob is there already, and goes on behind it. */
  readonly passOver?: (blob: Descriptor) => boolean;
}

interface ImagePlan {
  readonly configBytes: number;
  readonly layerCount: number;
  /** Of the layers that are done, in order. */
  readonly layerBytes: number[];
}

export class ArchiveDraft {
  readonly #target: string;
  readonly #file: PartialFile;
  /** The images in the order of the archive. */
  readonly #order: readonly string[];
  readonly #plans = new Map<string, ImagePlan>();
  /** Where which layer is, whole. */
  readonly #written = new Map<number, Digest>();
  readonly #waiting: (() => void)[] = [];
  #isGivenUp = false;
  #isOpen = true;

  /**
   * `order`: names for the images, as the archive will have them. Undefined where there can be no draft, as for a pipe. Failure
   * FILE_UNWRITABLE.
   */
  static async open(target: string, order: readonly string[]): Promise<ArchiveDraft | undefined> {
    const found = await stat(target).catch(() => undefined);
    if (found !== undefined && !found.isFile()) return undefined;
    const place = found === undefined ? target : await realpath(target);
    await sweepPartials(dirname(place), Date.now());
    return new ArchiveDraft(place, await openPartial(dirname(place)), order);
  }

  private constructor(target: string, file: PartialFile, order: readonly string[]) {
    this.#target = target;
    this.#file = file;
    this.#order = order;
  }

  /** Of an image whose layers are about to be made. */
  planImage(image: string, configBytes: number, layerCount: number): void {
    this.#plans.set(image, { configBytes, layerCount, layerBytes: [] });
  }

  /** For the image's next layer. Its place is told when the layers before it are compressed, if nothing else is before it. */
  nextLayer(image: string): LayerDraft {
    let offset = 0;
    return {
      place: this.#placeOf(image).then((found) => {
        offset = found ?? 0;
        return found === undefined ? undefined : { path: this.#file.path, offset };
      }),
      compressed: (sizeBytes) => {
        this.#plans.get(image)?.layerBytes.push(sizeBytes);
        this.#tell();
      },
      written: ({ digest }) => {
        if (!this.#isGivenUp) this.#written.set(offset, digest);
      },
    };
  }

  /** An image could not be made, or is made once more: what was planned of places does not hold any more. */
  giveUp(): void {
    this.#isGivenUp = true;
    this.#written.clear();
    this.#tell();
  }

  async #placeOf(image: string): Promise<number | undefined> {
    for (;;) {
      const offset = this.#offsetOf(image);
      if (offset !== 'soon') return offset;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #tell(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Of the image's next layer. 'soon': all that is before it is done but for one layer, and that is under way. */
  #offsetOf(image: string): number | 'soon' | undefined {
    if (this.#isGivenUp) return undefined;
    let offset = 0;
    for (const name of this.#order) {
      const plan = this.#plans.get(name);
      if (plan === undefined) return undefined;
      offset += entryBytes(plan.configBytes);
      for (const sizeBytes of plan.layerBytes) offset += entryBytes(sizeBytes);
      if (name === image) return offset + BLOCK_BYTES;
      const missing = plan.layerCount - plan.layerBytes.length;
      const isLast = this.#order.indexOf(name) + 1 === this.#order.indexOf(image);
      if (missing > 0) return missing === 1 && isLast ? 'soon' : undefined;
    }
    return undefined;
  }

  /** Writes what is not there yet, and gives the archive its name. Failure FILE_UNWRITABLE; what `produce` throws. */
  async finish(produce: (sink: ArchiveSink) => Promise<void>): Promise<void> {
    const { handle } = this.#file;
    let position = 0;
    await produce({
      write: async (chunk) => {
        await failingUnwritable(this.#target, async () => {
          for (let done = 0; done < chunk.length; ) {
            const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, position + done);
            done += bytesWritten;
          }
        });
        position += chunk.length;
      },
      passOver: ({ digest, sizeBytes }) => {
        if (this.#written.get(position) !== digest) return false;
        position += sizeBytes;
        return true;
      },
    });
    await failingUnwritable(this.#target, () => handle.truncate(position));
    await nameFile(this.#file, this.#target);
    this.#isOpen = false;
  }

  /** Nothing is left of it, unless it was finished. */
  async drop(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await dropFile(this.#file);
  }
}

function entryBytes(sizeBytes: number): number {
  return BLOCK_BYTES + sizeBytes + tarPadding(sizeBytes);
}
