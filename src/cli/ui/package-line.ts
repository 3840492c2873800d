// One line per package, as --format wants it (cli.md 2): a named format or a template with .Name, .Version, .Source.

import { Failure } from '../../base/failure.ts';
import { printable } from './printable.ts';

const NAMED: Readonly<Record<string, string>> = {
  'name-version': '{{.Name}} {{.Version}}',
  'name-version-source': '{{.Name}} {{.Version}} {{.Source}}',
  'name=version': '{{.Name}}={{.Version}}',
  'name=version-source': '{{.Name}}={{.Version}} {{.Source}}',
  'name-(version)': '{{.Name}} ({{.Version}})',
  'name-(version)-source': '{{.Name}} ({{.Version}}) {{.Source}}',
  packagelock: '- {{.Name}}={{.Version}}',
  'packagelock-source': '- {{.Name}}={{.Version}} # {{.Source}}',
};

const FIELDS = { Name: 'name', Version: 'version', Source: 'source' } as const;

type PackageField = (typeof FIELDS)[keyof typeof FIELDS];

/** Texts as they are, fields by name. */
export type PackageTemplate = readonly TemplatePart[];

type TemplatePart = string | { readonly field: PackageField };

/** Throws USAGE_FLAG for an action that is not a plain field. */
export function parsePackageTemplate(format: string): PackageTemplate {
  const parts = (NAMED[format] ?? format).split(/(\{\{.*?\}\})/s);
  return parts.flatMap((part, position): TemplatePart[] => {
    if (part === '') return [];
    if (position % 2 === 0) return [part];
    const name = /^\{\{-?\s*\.(Name|Version|Source)\s*-?\}\}$/.exec(part)?.[1];
    if (name === undefined) {
      throw new Failure('USAGE_FLAG', `--format cannot do ${part}`, {
        hint: `a template may use {{.Name}}, {{.Version}} and {{.Source}}; named formats: ${Object.keys(NAMED).join(', ')}`,
      });
    }
    return [{ field: FIELDS[name as keyof typeof FIELDS] }];
  });
}

export function packageLine(each: Readonly<Record<PackageField, string>>, template: PackageTemplate): string {
  return template.map((part) => (typeof part === 'string' ? part : printable(each[part.field]))).join('');
}
