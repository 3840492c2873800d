// Descriptors, manifests, indexes and config files: exact bytes, what comes back, and what is refused.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../base/digest.ts';
import { LIMITS } from '../../base/limits.ts';
import {
  type Descriptor,
  MEDIA_TYPE,
  matchesPlatform,
  ociMediaType,
  type Platform,
  verifyBytes,
} from './descriptor.ts';
import {
  type HistoryEntry,
  type ImageConfigFile,
  parseImageConfigFile,
  printImageConfigFile,
  type RunConfig,
} from './image-config.ts';
import { type IndexManifest, parseIndexManifest, printIndexManifest } from './image-index.ts';
import { withoutAbsent } from './json-object.ts';
import { type Manifest, parseManifest, printManifest } from './manifest.ts';

const A = `sha256:${'a'.repeat(64)}` as const;
const B = `sha256:${'b'.repeat(64)}` as const;

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

const MANIFEST: Manifest = {
  mediaType: MEDIA_TYPE.imageManifest,
  config: { mediaType: MEDIA_TYPE.imageConfig, sizeBytes: 593, digest: A },
  layers: [{ mediaType: MEDIA_TYPE.layerGzip, sizeBytes: 3027, digest: B }],
  annotations: { 'org.opencontainers.image.created': '1970-01-01T00:00:00Z' },
};

const MANIFEST_TEXT =
  '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",' +
  `"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":593,"digest":"${A}"},` +
  `"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":3027,"digest":"${B}"}],` +
  '"annotations":{"org.opencontainers.image.created":"1970-01-01T00:00:00Z"}}';

const INDEX: IndexManifest = {
  mediaType: MEDIA_TYPE.imageIndex,
  manifests: [
    {
      mediaType: MEDIA_TYPE.imageManifest,
      sizeBytes: 478,
      digest: A,
      platform: { architecture: 'arm', os: 'linux', variant: 'v7', osFeatures: ['erofs'] },
      artifactType: MEDIA_TYPE.imageConfig,
    },
  ],
  annotations: { b: '<&>', a: '2', '10': 'x', '9': 'y' },
};

const INDEX_TEXT =
  '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",' +
  `"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":478,"digest":"${A}",` +
  '"platform":{"architecture":"arm","os":"linux","os.features":["erofs"],"variant":"v7"},' +
  '"artifactType":"application/vnd.oci.image.config.v1+json"}],' +
  '"annotations":{"10":"x","9":"y","a":"2","b":"\\u003c\\u0026\\u003e"}}';

const CONFIG: ImageConfigFile = {
  architecture: 'arm',
  os: 'linux',
  variant: 'v6',
  osFeatures: ['erofs'],
  author: 'me',
  created: '1970-01-01T00:00:00Z',
  history: [{ author: 'me', created: '1970-01-01T00:00:00Z', createdBy: 'it', comment: 'so' }, { emptyLayer: true }],
  diffIds: [A],
  run: {
    cmd: ['-c', ''],
    entrypoint: ['/bin/sh', '-l'],
    env: ['A=1'],
    labels: { z: '1', '2': 'two' },
    user: '65532',
    volumes: ['/b', '/a'],
    workingDir: '/w',
    stopSignal: 'SIGINT',
    others: { Healthcheck: { Test: ['CMD', 'true'] } },
  },
};

const CONFIG_TEXT =
  '{"architecture":"arm","author":"me","created":"1970-01-01T00:00:00Z",' +
  '"history":[{"author":"me","created":"1970-01-01T00:00:00Z","created_by":"it","comment":"so"},{"empty_layer":true}],' +
  `"os":"linux","rootfs":{"type":"layers","diff_ids":["${A}"]},` +
  '"config":{"Cmd":["-c",""],"Entrypoint":["/bin/sh","-l"],"Env":["A=1"],"Labels":{"2":"two","z":"1"},"User":"65532",' +
  '"Volumes":{"/a":{},"/b":{}},"WorkingDir":"/w","StopSignal":"SIGINT","Healthcheck":{"Test":["CMD","true"]}},' +
  '"variant":"v6","os.features":["erofs"]}';

describe('exact bytes', () => {
  it.each([
    ['manifest', () => printManifest(MANIFEST), MANIFEST_TEXT],
    ['index', () => printIndexManifest(INDEX), INDEX_TEXT],
    ['config', () => printImageConfigFile(CONFIG), CONFIG_TEXT],
  ])('%s', (_name, print, text) => {
    expect(print()).toBe(text);
  });

  it('says nothing about what is empty, except for lists that must be there', () => {
    const manifest = printManifest({ ...MANIFEST, layers: [], annotations: {} });
    expect(manifest.endsWith('"layers":[]}')).toBe(true);
    const config = printImageConfigFile(parseImageConfigFile(utf8('{"architecture":"x","os":"y","rootfs":{}}')));
    expect(config).toBe('{"architecture":"x","os":"y","rootfs":{"type":"layers","diff_ids":[]},"config":{}}');
  });
});

const digest = fc.stringMatching(/^[0-9a-f]{64}$/).map((hex): `sha256:${string}` => `sha256:${hex}`);
const word = fc.string({ minLength: 1, unit: 'grapheme' });
// Keys that look like numbers and `__proto__` are keys like any other.
const textMap = fc.dictionary(
  fc.oneof(word, fc.constantFrom('1', '10', '9', '__proto__', 'constructor')),
  fc.string(),
  {
    noNullPrototype: true,
  },
);
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const platform: fc.Arbitrary<Platform> = fc
  .record({
    architecture: word,
    os: word,
    variant: optional(word),
    osVersion: optional(word),
    osFeatures: optional(fc.array(word, { minLength: 1, maxLength: 2 })),
  })
  .map(withoutAbsent);
const descriptor: fc.Arbitrary<Descriptor> = fc
  .record({
    mediaType: word,
    sizeBytes: fc.maxSafeNat(),
    digest,
    urls: optional(fc.array(fc.webUrl(), { minLength: 1, maxLength: 2 })),
    annotations: optional(textMap.filter((map) => Object.keys(map).length > 0)),
    platform: optional(platform),
    artifactType: optional(word),
  })
  .map(withoutAbsent);

describe('what is printed is read back', () => {
  it('manifest', () => {
    const manifest: fc.Arbitrary<Manifest> = fc
      .record({
        mediaType: fc.constantFrom(MEDIA_TYPE.imageManifest, MEDIA_TYPE.dockerManifest),
        artifactType: optional(word),
        config: descriptor,
        layers: fc.array(descriptor, { maxLength: 3 }),
        annotations: textMap,
        subject: optional(descriptor),
      })
      .map(withoutAbsent);
    fc.assert(
      fc.property(manifest, (value) => {
        expect(parseManifest(utf8(printManifest(value)))).toEqual(value);
      }),
    );
  });

  it('index', () => {
    const index: fc.Arbitrary<IndexManifest> = fc
      .record({
        mediaType: fc.constantFrom(MEDIA_TYPE.imageIndex, MEDIA_TYPE.dockerIndex),
        artifactType: optional(word),
        manifests: fc.array(descriptor, { maxLength: 3 }),
        annotations: textMap,
        subject: optional(descriptor),
      })
      .map(withoutAbsent);
    fc.assert(
      fc.property(index, (v) => {
        expect(parseIndexManifest(utf8(printIndexManifest(v)))).toEqual(v);
      }),
    );
  });

  it('config', () => {
    const history: fc.Arbitrary<HistoryEntry> = fc
      .record({
        author: optional(word),
        created: optional(word),
        createdBy: optional(word),
        comment: optional(word),
        emptyLayer: optional(fc.constant(true as const)),
      })
      .map(withoutAbsent);
    const run: fc.Arbitrary<RunConfig> = fc.record({
      cmd: fc.array(fc.string()),
      entrypoint: fc.array(fc.string()),
      env: fc.array(fc.string()),
      labels: textMap,
      user: fc.string(),
      volumes: fc.uniqueArray(fc.stringMatching(/^[\x21-\x7e]{1,9}$/)).map((names) => names.toSorted()),
      workingDir: fc.string(),
      stopSignal: fc.string(),
      others: fc.dictionary(
        fc.constantFrom('Healthcheck', 'Shell', 'X'),
        fc.constantFrom(1, true, 'y', [1], { a: '' }),
        {
          noNullPrototype: true,
        },
      ),
    });
    const config: fc.Arbitrary<ImageConfigFile> = fc
      .record({
        architecture: word,
        os: word,
        variant: optional(word),
        osVersion: optional(word),
        osFeatures: optional(fc.array(word, { minLength: 1, maxLength: 2 })),
        author: optional(word),
        container: optional(word),
        created: optional(word),
        dockerVersion: optional(word),
        history: fc.array(history, { maxLength: 3 }),
        diffIds: fc.array(digest, { maxLength: 3 }),
        run,
      })
      .map(withoutAbsent);
    fc.assert(
      fc.property(config, (value) => {
        const text = printImageConfigFile(value);
        expect(parseImageConfigFile(utf8(text))).toEqual(value);
        expect(printImageConfigFile(parseImageConfigFile(utf8(text)))).toBe(text);
      }),
    );
  });
});

describe('foreign documents', () => {
  it('may leave out what has a usual value, and say null', () => {
    const text = MANIFEST_TEXT.replace('"mediaType":"application/vnd.oci.image.manifest.v1+json",', '').replace(
      /"annotations":.*$/,
      '"annotations":null,"unknown":[1]}',
    );
    expect(parseManifest(utf8(text))).toEqual({ ...MANIFEST, annotations: {} });
    expect(parseIndexManifest(utf8('{"schemaVersion":2}')).manifests).toEqual([]);
    const platformless = INDEX_TEXT.replace('"architecture":"arm","os":"linux",', '');
    expect(parseIndexManifest(utf8(platformless)).manifests[0]?.platform?.architecture).toBe('unknown');
  });

  it('lose what only their maker understands, and keep what containers need', () => {
    const config = parseImageConfigFile(
      utf8(
        '{"architecture":"amd64","os":"linux","container_config":{"Cmd":["x"]},"rootfs":{"type":"layers"},' +
          '"config":{"Hostname":"","Tty":false,"OnBuild":null,"Image":"i","ExposedPorts":{"80/tcp":{}},"Cmd":null}}',
      ),
    );
    expect(printImageConfigFile(config)).toBe(
      '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},' +
        '"config":{"ExposedPorts":{"80/tcp":{}},"Image":"i"}}',
    );
  });

  const refused: [string, (bytes: Uint8Array) => unknown, string, string][] = [
    ['no JSON', parseManifest, '{"schemaVersion":2', 'not JSON text'],
    ['no object', parseManifest, '[]', 'the image manifest is not an object'],
    ['null', parseManifest, 'null', 'is not an object'],
    ['a byte order mark', parseManifest, `\ufeff${MANIFEST_TEXT}`, 'not JSON text'],
    ['schema 1', parseManifest, MANIFEST_TEXT.replace(':2,', ':1,'), 'schemaVersion is not 2'],
    ['no schema', parseManifest, MANIFEST_TEXT.replace('"schemaVersion":2,', ''), 'schemaVersion is not a whole'],
    [
      'both manifest and index',
      parseManifest,
      MANIFEST_TEXT.replace('{', '{"manifests":[],'),
      'belongs into an image index',
    ],
    ['both index and manifest', parseIndexManifest, INDEX_TEXT.replace('{', '{"layers":[],'), 'layers belongs into'],
    ['an index with a config', parseIndexManifest, INDEX_TEXT.replace('{', '{"config":{},'), 'config belongs into'],
    ['an index of schema 1', parseIndexManifest, INDEX_TEXT.replace(':2,', ':1,'), 'schemaVersion is not 2'],
    ['an index as manifest', parseManifest, '{"schemaVersion":2,"mediaType":"x/y"}', 'mediaType is "x/y"'],
    [
      'a manifest as index',
      parseIndexManifest,
      MANIFEST_TEXT.replace('"config"', '"c"').replace('"layers"', '"l"'),
      'not that of',
    ],
    ['no config', parseManifest, '{"schemaVersion":2}', 'config is missing'],
    [
      'another digest',
      parseManifest,
      MANIFEST_TEXT.replace(B, `md5:${'b'.repeat(32)}`),
      'layers[0].digest is not a sha256',
    ],
    ['a path as digest', parseManifest, MANIFEST_TEXT.replace(B, 'sha256:../../etc/passwd'), 'layers[0].digest is not'],
    ['a negative size', parseManifest, MANIFEST_TEXT.replace('3027', '-1'), 'layers[0].size is not a whole number'],
    ['a huge size', parseManifest, MANIFEST_TEXT.replace('3027', '1e300'), 'layers[0].size is not a whole number'],
    ['a size as text', parseManifest, MANIFEST_TEXT.replace('3027', '"3027"'), 'layers[0].size is not'],
    [
      'no media type',
      parseManifest,
      MANIFEST_TEXT.replace(/"mediaType":"[^"]*gzip",/, ''),
      'layers[0].mediaType is missing',
    ],
    ['layers as object', parseManifest, MANIFEST_TEXT.replace(/\[.*\]/, '{}'), 'layers is not a list'],
    ['a layer as text', parseManifest, MANIFEST_TEXT.replace(/\[.*\]/, '["x"]'), 'layers[0] is not an object'],
    [
      'a number as annotation',
      parseManifest,
      MANIFEST_TEXT.replace(/:"1970[^"]*"/, ':1'),
      'image.created is not a text',
    ],
    ['a list as annotations', parseManifest, MANIFEST_TEXT.replace(/\{"org.*$/, '[]}'), 'annotations is not an object'],
    ['no architecture', parseImageConfigFile, '{"os":"linux","rootfs":{}}', 'architecture is missing'],
    ['no rootfs', parseImageConfigFile, '{"os":"linux","architecture":"x"}', 'rootfs is missing'],
    ['a number in Cmd', parseImageConfigFile, CONFIG_TEXT.replace('"-c"', '1'), 'config.Cmd[0] is not a text'],
    [
      'a text as flag',
      parseImageConfigFile,
      CONFIG_TEXT.replace(':true', ':"yes"'),
      'history[1].empty_layer is not true',
    ],
    ['an object as user', parseImageConfigFile, CONFIG_TEXT.replace('"65532"', '{}'), 'config.User is not a text'],
    ['another diff id', parseImageConfigFile, CONFIG_TEXT.replace(A, 'x'), 'rootfs.diff_ids[0] is not a sha256'],
  ];
  it.each(refused)('are refused with %s', (_name, parse, text, message) => {
    expect(() => parse(utf8(text))).toThrow(
      expect.objectContaining({ code: 'IMAGE_INVALID', message: expect.stringContaining(message) }),
    );
  });

  it('are refused in another encoding, and above the bound', () => {
    expect(() => parseManifest(Uint8Array.of(0x22, 0xff, 0x22))).toThrow('not JSON text in UTF-8');
    const spaces = utf8(MANIFEST_TEXT + ' '.repeat(LIMITS.imageManifestBytes));
    expect(() => parseManifest(spaces, 'the manifest of x')).toThrow(
      /the manifest of x has \d+ bytes; we read at most/,
    );
  });

  it('cannot reach the prototype', () => {
    const parsed = parseManifest(utf8(MANIFEST_TEXT.replace('{"org', '{"__proto__":"p","org')));
    expect(Object.getPrototypeOf(parsed.annotations)).toBe(Object.prototype);
    expect(printManifest(parsed)).toContain('"annotations":{"__proto__":"p",');
  });
});

describe('verifyBytes', () => {
  const bytes = utf8('x');
  const promised = { mediaType: 'x', sizeBytes: 1, digest: sha256(bytes) };

  it('takes the promised bytes', () => {
    expect(() => verifyBytes(bytes, promised, 'the thing')).not.toThrow();
  });

  it.each([
    ['other bytes', utf8('y'), 'has other content'],
    ['fewer bytes', utf8(''), 'has 0 bytes, not 1'],
  ])('refuses %s', (_name, got, message) => {
    expect(() => verifyBytes(got, promised, 'the thing')).toThrow(
      expect.objectContaining({
        code: 'CHECKSUM_MISMATCH',
        message: expect.stringContaining(message),
        hint: expect.stringContaining('again'),
      }),
    );
  });
});

describe('platforms and media types', () => {
  it.each([
    [{ architecture: 'amd64', os: 'linux' }, { architecture: 'amd64', os: 'linux' }, true],
    [{ architecture: 'arm64', os: 'linux', variant: 'v8' }, { architecture: 'arm64', os: 'linux' }, true],
    [{ architecture: 'arm', os: 'linux' }, { architecture: 'arm', os: 'linux', variant: 'v7' }, true],
    [{ architecture: 'arm', os: 'linux', variant: 'v6' }, { architecture: 'arm', os: 'linux', variant: 'v7' }, false],
    [{ architecture: 'amd64', os: 'linux', variant: 'v3' }, { architecture: 'amd64', os: 'linux' }, false],
    [{ architecture: 'amd64', os: 'windows' }, { architecture: 'amd64', os: 'linux' }, false],
    [{ architecture: '386', os: 'linux' }, { architecture: 'amd64', os: 'linux' }, false],
  ])('%j for %j: %s', (have, want, matches) => {
    expect(matchesPlatform(have, want)).toBe(matches);
  });

  it('names of the same bytes in OCI', () => {
    expect(ociMediaType(MEDIA_TYPE.dockerLayerGzip)).toBe(MEDIA_TYPE.layerGzip);
    expect(ociMediaType(MEDIA_TYPE.layerErofs)).toBe(MEDIA_TYPE.layerErofs);
  });
});
