// `stave tree <image>`: drawn with lines on stdout. What registries say is printed with care: it may be hostile.

import type { TreeNode } from '../../operations/registry/tree.ts';
import { registryFlags } from '../flags.ts';
import type { CommandRun, Session } from '../session.ts';
import { printable } from '../ui/printable.ts';
import { printSize } from '../ui/quantity.ts';

export const runTree: CommandRun = async (session, [source = ''], flags) => {
  const { readImageTree } = await session.operations();
  const report = await readImageTree({ source, ...registryFlags(flags) }, session.host);
  const lines = [session.paint('strong', printable(report.name)), ...drawNode(report.root, '', session)];
  session.result(report, `${lines.join('\n')}\n`);
  return 0;
};

/** What people call these types. */
const CALLED: Readonly<Record<string, string>> = {
  'application/spdx+json': 'SBOM (SPDX)',
  'text/spdx+json': 'SBOM (SPDX)',
  'application/vnd.cyclonedx+json': 'SBOM (CycloneDX)',
  'application/vnd.dev.cosign.simplesigning.v1+json': 'signature',
  'application/vnd.dev.cosign.artifact.sig.v1+json': 'signature',
  'application/vnd.dev.sigstore.bundle.v0.3+json': 'signature or attestation (Sigstore bundle)',
  'application/vnd.dsse.envelope.v1+json': 'attestation',
};

/** The node's own line, then what hangs on it and what it holds, each line after `indent`. */
function drawNode(node: TreeNode, indent: string, session: Session): string[] {
  const below = [...node.attached, ...node.children];
  return [
    nodeText(node, session),
    ...below.flatMap((child, at) => {
      const isLast = at === below.length - 1;
      const [first = '', ...rest] = drawNode(child, `${indent}${isLast ? '   ' : '│  '}`, session);
      return [`${indent}${isLast ? '└─ ' : '├─ '}${first}`, ...rest];
    }),
  ];
}

function nodeText(node: TreeNode, { paint }: Session): string {
  const { digest, kind, platform, type, tag, sizeBytes, annotations } = node;
  const isAttached = type !== undefined || tag !== undefined;
  const what = isAttached
    ? (CALLED[type ?? ''] ?? type ?? 'attachment')
    : kind === 'index'
      ? 'index'
      : (platform ?? kind);
  const title = annotations['org.opencontainers.image.title'];
  const parts = [
    paint(isAttached ? 'good' : 'strong', printable(what)),
    digest,
    ...(kind === 'index' ? [] : [printSize(sizeBytes)]),
    ...(isAttached && title !== undefined ? [printable(title)] : []),
    ...(tag === undefined ? [] : [paint('quiet', `(tag ${printable(tag)})`)]),
  ];
  return parts.join('  ');
}
