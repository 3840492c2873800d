// What a configuration says that only stave understands: `--strict-apko` refuses each with its place, so that a file that
// passes means the same to the reference.

import { placeOf, type YamlMap } from '../../formats/yaml/yaml-node.ts';
import type { Problem } from './problem.ts';
import type { RecordShape } from './shape.ts';

/** Our own keys in one file, as problems in the order of the file. The file has passed `checkShape`. */
export function checkStrictApko(shape: RecordShape, file: YamlMap): Problem[] {
  return [...file.entries].flatMap(([key, entry]): Problem[] => {
    const field = shape.fields[key];
    if (field?.ours === true) {
      const message = `"${key}" is understood by stave only`;
      return [
        {
          code: 'CONFIG_UNKNOWN_KEY',
          message,
          where: placeOf(entry),
          hint: 'leave it out, or build without --strict-apko',
        },
      ];
    }
    if (field?.kind === 'texts' && entry.value.kind === 'list') {
      const message = `a list of texts for "${key}" is understood by stave only`;
      return [
        {
          code: 'CONFIG_INVALID',
          message,
          where: placeOf(entry.value),
          hint: 'name one file, which may include the next',
        },
      ];
    }
    return [];
  });
}
