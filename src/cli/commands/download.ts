// `stave download signature|attestation|sbom <image>`: documents on stdout, and a word on stderr that nobody verified them.

import { Failure } from '../../base/failure.ts';
import type { DownloadReport } from '../../operations/verify/download.ts';
import { registryFlags, textFlag } from '../flags.ts';
import type { Operations } from '../operations.ts';
import type { CommandRun } from '../session.ts';
import { given } from '../source-request.ts';
import { printable } from '../ui/printable.ts';

type Operation = 'downloadSignatures' | 'downloadAttestations' | 'downloadSboms';

export const DOWNLOADS = {
  signature: download('downloadSignatures', 'signatures', (documents) => lines(documents)),
  attestation: download('downloadAttestations', 'attestations', (documents) => lines(documents)),
  // Several would be no document any more.
  sbom: download('downloadSboms', 'SBOM', ([first]) => withEnd(first?.text ?? '')),
};

function download(
  operation: Operation,
  what: string,
  print: (documents: DownloadReport['documents']) => string,
): CommandRun {
  return async (session, [reference = ''], flags) => {
    const operations: Operations = await session.operations();
    const type = textFlag(flags, 'type') ?? textFlag(flags, 'format');
    const request = {
      reference,
      ...registryFlags(flags),
      ...given('layout', textFlag(flags, 'layout')),
      ...given('arch', textFlag(flags, 'arch')),
      ...given('type', type),
    };
    const report = await operations[operation](request, session.host);
    if (report.documents.length === 0) {
      throw new Failure(
        'SIGNATURE_MISSING',
        `${report.reference} has no ${what}${type === undefined ? '' : ` (${type})`}`,
        {
          hint: 'stave tree shows what is attached to an image; --arch looks at one platform of an index',
        },
      );
    }
    for (const { place, type: kind } of report.documents) session.note(`${printable(place)}  ${printable(kind)}\n`);
    session.note('not verified: that is for `stave verify` and `stave verify-attestation`\n');
    session.result(report, print(report.documents));
    return 0;
  };
}

function lines(documents: DownloadReport['documents']): string {
  return documents.map(({ text }) => `${text}\n`).join('');
}

function withEnd(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
