// `stave tree`: an image with everything that is attached to it, as a tree of plain values.

import type { Digest } from '../../base/digest.ts';
import { platformName } from '../../formats/oci/descriptor.ts';
import type { TextMap } from '../../formats/oci/json-object.ts';
import type { Host } from '../host.ts';
import { type Attachment, readAttachments } from './attachments.ts';
import { parseSourcePlace } from './image-place.ts';
import { withRegistries } from './registries.ts';
import type { RegistryAccess } from './registry-request.ts';
import { type ImageValue, withSourceImage } from './source-image.ts';

export interface TreeRequest extends RegistryAccess {
  readonly source: string;
}

export interface TreeNode {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly kind: ImageValue['kind'];
  /** `linux/arm64`; undefined for what is not an image of a platform. */
  readonly platform: string | undefined;
  /** What an attachment is: its artifact type, or the type of its content. */
  readonly type: string | undefined;
  /** The tag that an attachment of older tools hangs by. */
  readonly tag: string | undefined;
  /** Of the layers, as they are stored. */
  readonly sizeBytes: number;
  readonly annotations: TextMap;
  /** The images of an index. */
  readonly children: readonly TreeNode[];
  readonly attached: readonly TreeNode[];
}

export interface TreeReport {
  readonly name: string;
  readonly root: TreeNode;
}

/** Failures of `openSourceImage`. */
export async function readImageTree(request: TreeRequest, host: Host): Promise<TreeReport> {
  const place = parseSourcePlace(request.source, host.cwd);
  return await withRegistries(request, host, (registries) =>
    withSourceImage(place, registries, async (source) => {
      const attachments = await readAttachments(source, host.events);
      return { name: source.name, root: imageNode(source.value, attachments) };
    }),
  );
}

function imageNode(value: ImageValue, attachments: readonly Attachment[]): TreeNode {
  const { digest } = value.descriptor;
  const attached = attachments.filter(({ subject }) => subject.digest === digest).map(attachedNode);
  const children = value.kind === 'index' ? value.children.map((child) => imageNode(child, attachments)) : [];
  return { ...described(value), type: undefined, tag: undefined, children, attached };
}

function attachedNode({ value, tag, attached }: Attachment): TreeNode {
  return { ...described(value), type: typeOf(value), tag, children: [], attached: attached.map(attachedNode) };
}

function described(value: ImageValue) {
  const { digest, mediaType, platform } = value.descriptor;
  const layers = value.kind === 'index' ? [] : value.manifest.layers;
  const known = platform ?? (value.kind === 'image' ? value.config : undefined);
  return {
    digest,
    mediaType,
    kind: value.kind,
    platform: known && platformName(known),
    sizeBytes: layers.reduce((sum, layer) => sum + layer.sizeBytes, 0),
    annotations: value.manifest.annotations,
  };
}

/** Older tools put everything into manifests of images: what it is, the content's type says. */
function typeOf({ manifest }: ImageValue): string | undefined {
  if (manifest.artifactType !== undefined) return manifest.artifactType;
  return 'layers' in manifest ? manifest.layers[0]?.mediaType : undefined;
}
