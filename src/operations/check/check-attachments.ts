// The results of checks as things that are attached to the images that were checked.

import { VERSION } from '../../base/version.ts';
import type { Descriptor } from '../../formats/oci/descriptor.ts';
import { apkArchitecture } from '../../planning/config/architecture.ts';
import { CHECK_RESULT_TYPE, printCheckPredicate } from '../../planning/hardening/check-predicate.ts';
import type { ContractReport } from '../../planning/hardening/contract-report.ts';
import type { TextAttachment } from '../registry/text-attachments.ts';

/** `subjects`: the manifests of the images of the report, in its order. None where nothing was checked. */
export function checkAttachments(contract: ContractReport, subjects: readonly Descriptor[]): TextAttachment[] {
  return contract.images.flatMap((image, i) => {
    const subject = subjects[i];
    if (subject === undefined) return [];
    const name = `check-${apkArchitecture(image.arch).replace('/', '-')}.json`;
    return [{ subject, name, mediaType: CHECK_RESULT_TYPE, text: printCheckPredicate(image, contract, VERSION) }];
  });
}
