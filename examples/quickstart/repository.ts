// The signed apk repository of the quickstart as a value: what is in its packages, and the bytes of every file.
// Made with stave's own format writers; the same inputs give the same bytes, which a test compares with the committed ones.

import { readFileSync } from 'node:fs';
import { printIndexArchive } from '../../src/formats/apk/index-archive.ts';
import type { PackageInfo } from '../../src/formats/apk/package.ts';
import { parsePackageHead } from '../../src/formats/apk/package-head.ts';
import { type SigningKey, signMember } from '../../src/formats/apk/signature.ts';
import { buildPackage, type PackageFile } from '../../src/formats/apk/write-package.ts';

const ARCHITECTURES = ['x86_64', 'aarch64'] as const;
type Architecture = (typeof ARCHITECTURES)[number];

/** 2026-01-01T00:00:00Z: the date of every file, and so of the image. */
const BUILD_DATE = 1_767_225_600;
const VERSION = '1.0.0-r0';

interface Recipe {
  readonly name: string;
  readonly description: string;
  readonly depends?: readonly string[];
  readonly provides?: readonly string[];
  readonly providerPriority?: number;
  /** `program` is hello for the architecture at hand. */
  readonly files: (given: { readonly program: Buffer }) => readonly PackageFile[];
}

const RECIPES: readonly Recipe[] = [
  { name: 'baselayout', description: 'directories, links and files that every image needs', files: baseLayout },
  {
    name: 'hello',
    description: 'says hello and where it runs',
    depends: ['baselayout', 'greeting'],
    provides: [`cmd:hello=${VERSION}`],
    files: ({ program }) => [{ kind: 'file', path: 'usr/bin/hello', mode: 0o755, content: program }],
  },
  // Two packages that provide the same thing: one has the higher priority, the other is chosen by naming it.
  greeting(
    'greeting-english',
    'the greeting in English',
    10,
    'Hello from an image that holds three packages and nothing else.',
  ),
  greeting(
    'greeting-german',
    'the greeting in German',
    5,
    'Hallo aus einem Image, das drei Pakete enthält und sonst nichts.',
  ),
];

/** Every file of the repository: `x86_64/hello-1.0.0-r0.apk`, `x86_64/APKINDEX.tar.gz` ... -> its bytes. */
export function quickstartRepository(exampleDir: string): Map<string, Buffer> {
  const read = (path: string) => readFileSync(`${exampleDir}/${path}`);
  const sign = demoKey(read('keys/stave-quickstart-demo.rsa').toString('utf8'));
  const repository = new Map<string, Buffer>();
  for (const architecture of ARCHITECTURES) {
    const records: string[] = [];
    for (const recipe of RECIPES) {
      const files = recipe.files({ program: read(`src/bin/hello.${architecture}`) });
      const bytes = buildPackage({ info: packageInfo(recipe, architecture), files, sign });
      repository.set(`${architecture}/${recipe.name}-${VERSION}.apk`, bytes);
      records.push(indexRecord(bytes));
    }
    const index = printIndexArchive(records.join(''), `stave quickstart ${VERSION}`);
    repository.set(`${architecture}/APKINDEX.tar.gz`, Buffer.concat([signMember(index, sign), index]));
  }
  return repository;
}

function packageInfo(recipe: Recipe, arch: Architecture): Omit<PackageInfo, 'dataHash' | 'installedSize'> {
  return {
    name: recipe.name,
    version: VERSION,
    arch,
    description: recipe.description,
    license: 'Apache-2.0',
    origin: recipe.name.startsWith('greeting-') ? 'greetings' : recipe.name,
    maintainer: '',
    url: '',
    commit: '',
    buildDate: BUILD_DATE,
    providerPriority: recipe.providerPriority ?? 0,
    depends: recipe.depends ?? [],
    provides: recipe.provides ?? [],
    replaces: [],
    installIf: [],
    triggers: [],
  };
}

/** What the index says about a package file (docs: "APKINDEX"). */
function indexRecord(bytes: Buffer): string {
  const head = parsePackageHead(bytes);
  if (head === undefined) throw new Error('a package that we have just made has no control part');
  const { info } = head;
  const lines = [
    `C:Q1${Buffer.from(head.controlSha1, 'hex').toString('base64')}`,
    `P:${info.name}`,
    `V:${info.version}`,
    `A:${info.arch}`,
    `S:${bytes.length}`,
    `I:${info.installedSize}`,
    `T:${info.description}`,
    `L:${info.license}`,
    `o:${info.origin}`,
    `t:${info.buildDate}`,
    ...(info.depends.length > 0 ? [`D:${info.depends.join(' ')}`] : []),
    ...(info.provides.length > 0 ? [`p:${info.provides.join(' ')}`] : []),
    ...(info.providerPriority > 0 ? [`k:${info.providerPriority}`] : []),
  ];
  return `${lines.join('\n')}\n\n`;
}

/** A throw-away key: everybody has it, so nothing but this example may trust it. */
function demoKey(privateKeyPem: string): SigningKey {
  return { keyName: 'stave-quickstart-demo.rsa.pub', privateKeyPem, algorithm: 'RSA256' };
}

function greeting(name: string, description: string, providerPriority: number, text: string): Recipe {
  const content = Buffer.from(`${text}\n`);
  return {
    name,
    description,
    provides: [`greeting=${VERSION}`],
    providerPriority,
    depends: ['baselayout'],
    files: () => [{ kind: 'file', path: 'usr/share/greeting', content }],
  };
}

function baseLayout(): PackageFile[] {
  const directories = [
    'dev',
    'etc',
    'home',
    'proc',
    'run',
    'sys',
    'usr/bin',
    'usr/lib',
    'usr/share',
    'var/cache',
    'var/lib',
  ];
  const links = { bin: 'usr/bin', sbin: 'usr/bin', lib: 'usr/lib', 'usr/sbin': 'bin', 'var/run': '../run' };
  const texts = {
    'etc/group': 'root:x:0:root\nnobody:x:65534:\n',
    'etc/hosts': '127.0.0.1 localhost\n::1 localhost\n',
    'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
    'etc/os-release': [
      'ID=stave-quickstart',
      'NAME="stave quickstart"',
      'PRETTY_NAME="stave quickstart 1.0.0"',
      'VERSION_ID="1.0.0"',
      '',
    ].join('\n'),
    'etc/passwd': 'root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n',
  };
  return [
    ...directories.map((path): PackageFile => ({ kind: 'directory', path })),
    { kind: 'directory', path: 'root', mode: 0o700 },
    { kind: 'directory', path: 'tmp', mode: 0o1777 },
    { kind: 'directory', path: 'var/tmp', mode: 0o1777 },
    ...Object.entries(links).map(([path, target]): PackageFile => ({ kind: 'symlink', path, target })),
    ...Object.entries(texts).map(([path, text]): PackageFile => ({ kind: 'file', path, content: Buffer.from(text) })),
  ];
}
