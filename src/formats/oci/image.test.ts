// Images and indexes as values, the transforms, and the plans of ours: layer-and-oci.md 12 and 17.

import { describe, expect, it } from 'vitest';
import { sha256 } from '../../base/digest.ts';
import { type Descriptor, describeBytes, MEDIA_TYPE } from './descriptor.ts';
import {
  appendLayer,
  findImage,
  type Image,
  type ImageIndex,
  type ImageLayer,
  imageLayers,
  imagesOf,
  makeImage,
  makeIndex,
  parseImage,
  parseVerifiedIndex,
  withAnnotations,
} from './image.ts';
import { EMPTY_RUN_CONFIG, parseImageConfigFile } from './image-config.ts';
import { parseIndexManifest } from './image-index.ts';
import { parseManifest } from './manifest.ts';
import { type ImagePlanInput, planImage, planIndex } from './plan-image.ts';

const CREATED = '1970-01-01T00:00:00Z';
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/sbin:/bin';
const CERTIFICATES = 'SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt';

function layer(name: string, mediaType: string = MEDIA_TYPE.layerGzip): ImageLayer {
  return {
    descriptor: { mediaType, sizeBytes: name.length, digest: sha256(`gzip ${name}`) },
    diffId: sha256(`tar ${name}`),
  };
}

function planOf(changes: Partial<ImagePlanInput> = {}): ImagePlanInput {
  return {
    platform: { architecture: 'amd64' },
    created: CREATED,
    layers: [layer('one')],
    entrypoint: [],
    cmd: [],
    env: {},
    annotations: {},
    user: '',
    volumes: [],
    workingDir: '',
    stopSignal: '',
    ...changes,
  };
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe('planImage', () => {
  it('prints the smallest image exactly', () => {
    const image = planImage(planOf());
    const { descriptor, diffId } = layer('one');
    expect(textOf(image.configBytes)).toBe(
      `{"architecture":"amd64","author":"stave","created":"${CREATED}",` +
        `"history":[{"author":"stave","created":"${CREATED}","created_by":"stave","comment":"This is a stave single-layer image"}],` +
        `"os":"linux","rootfs":{"type":"layers","diff_ids":["${diffId}"]},` +
        `"config":{"Env":["${PATH}","${CERTIFICATES}"],"Labels":{"org.opencontainers.image.created":"${CREATED}"}}}`,
    );
    expect(textOf(image.manifestBytes)).toBe(
      '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",' +
        `"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":${image.configBytes.length},"digest":"${sha256(image.configBytes)}"},` +
        `"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":3,"digest":"${descriptor.digest}"}],` +
        `"annotations":{"org.opencontainers.image.created":"${CREATED}"}}`,
    );
    expect(image.descriptor).toEqual({
      mediaType: MEDIA_TYPE.imageManifest,
      sizeBytes: image.manifestBytes.length,
      digest: sha256(image.manifestBytes),
      platform: { architecture: 'amd64', os: 'linux' },
      artifactType: MEDIA_TYPE.imageConfig,
    });
  });

  it('takes everything that was configured', () => {
    const { config, manifest } = planImage(
      planOf({
        platform: { architecture: 'arm', variant: 'v7', osFeatures: ['erofs'] },
        entrypoint: ['/bin/sh', '-c', 'x'],
        cmd: ['y'],
        env: { Z: '1', PATH: '/bin', A: 'ä=2' },
        annotations: { one: '1' },
        user: '65532',
        volumes: ['/data'],
        workingDir: '/w',
        stopSignal: 'SIGINT',
      }),
    );
    const labels = { one: '1', 'org.opencontainers.image.created': CREATED };
    expect(config).toMatchObject({ architecture: 'arm', variant: 'v7', os: 'linux', osFeatures: ['erofs'] });
    expect(config.run).toEqual({
      cmd: ['y'],
      entrypoint: ['/bin/sh', '-c', 'x'],
      env: ['A=ä=2', 'PATH=/bin', CERTIFICATES, 'Z=1'],
      labels,
      user: '65532',
      volumes: ['/data'],
      workingDir: '/w',
      stopSignal: 'SIGINT',
      others: {},
    });
    expect(manifest.annotations).toEqual(labels);
  });

  it('has ports and labels that are no annotations', () => {
    const { config, manifest } = planImage(
      planOf({ annotations: { one: '1' }, labels: { one: '2', two: '3' }, exposedPorts: ['80/tcp', '53/udp'] }),
    );
    expect(config.run.labels).toEqual({ one: '2', two: '3', 'org.opencontainers.image.created': CREATED });
    expect(config.run.others).toEqual({ ExposedPorts: { '53/udp': {}, '80/tcp': {} } });
    expect(manifest.annotations).toEqual({ one: '1', 'org.opencontainers.image.created': CREATED });
  });

  const TITLE = { 'org.opencontainers.image.title': 'Title' };
  const VENDOR = { 'org.opencontainers.image.vendor': 'Vendor' };
  it.each([
    ['one layer', {}, 1, ['This is a stave single-layer image']],
    ['two layers', {}, 2, [undefined, undefined]],
    ['title only', TITLE, 1, ['This is a stave single-layer image']],
    ['title and vendor', { ...TITLE, ...VENDOR }, 2, ['Title by Vendor', 'Title by Vendor']],
  ])('comments the history: %s', (_name, annotations, count, comments) => {
    const layers = Array.from({ length: count }, (_, i) => layer(`${i}`));
    const image = planImage(planOf({ annotations, layers }));
    expect(image.config.history.map((entry) => entry.comment)).toEqual(comments);
    expect(imageLayers(image)).toEqual(layers);
  });

  describe('on a base image', () => {
    const base = makeImage(
      {
        architecture: 'amd64',
        os: 'linux',
        variant: 'v1',
        osVersion: '1',
        author: 'them',
        dockerVersion: '20',
        created: '2000-01-01T00:00:00Z',
        history: [{ createdBy: 'RUN x', emptyLayer: true }, { createdBy: 'COPY y' }],
        diffIds: [layer('base').diffId],
        run: {
          ...EMPTY_RUN_CONFIG,
          cmd: ['base-cmd'],
          entrypoint: ['base-entry'],
          env: ['BASE=1'],
          labels: { base: '1' },
          user: 'base-user',
          workingDir: '/base',
          others: { ExposedPorts: { '80/tcp': {} } },
        },
      },
      [layer('base', MEDIA_TYPE.dockerLayerGzip).descriptor],
      { base: '1', both: 'base' },
    );

    it('keeps what the base says and replaces what is this build', () => {
      const image = planImage(planOf({ base, annotations: { both: 'ours' } }));
      const labels = { both: 'ours', 'org.opencontainers.image.created': CREATED };
      expect(image.config).toEqual({
        architecture: 'amd64',
        os: 'linux',
        osVersion: '1',
        author: 'stave',
        dockerVersion: '20',
        created: CREATED,
        history: [
          ...base.config.history,
          { author: 'stave', created: CREATED, createdBy: 'stave', comment: 'This is a stave single-layer image' },
        ],
        diffIds: [layer('base').diffId, layer('one').diffId],
        run: { ...base.config.run, env: [PATH, CERTIFICATES], labels },
      });
      expect(image.manifest.annotations).toEqual({ base: '1', ...labels });
      expect(image.manifest.layers.map((l) => l.mediaType)).toEqual([MEDIA_TYPE.layerGzip, MEDIA_TYPE.layerGzip]);
    });

    it('lets the configuration win where it says something', () => {
      const changes = { entrypoint: ['e'], cmd: ['c'], user: 'u', workingDir: '/d', stopSignal: 'S', volumes: ['/v'] };
      expect(planImage(planOf({ base, ...changes })).config.run).toMatchObject(changes);
    });

    it('refuses the base of another architecture', () => {
      expect(() => planImage(planOf({ base, platform: { architecture: 'arm64' } }))).toThrow(
        expect.objectContaining({
          code: 'IMAGE_INVALID',
          message: 'the base image is for linux/amd64/v1, not for linux/arm64',
        }),
      );
    });
  });
});

describe('planIndex', () => {
  const imageFor = (architecture: string, variant?: string): Image =>
    planImage(planOf({ platform: { architecture, ...(variant && { variant }) } }));

  it('lists the images in byte order of their architectures', () => {
    const images = [
      imageFor('arm64'),
      imageFor('amd64'),
      imageFor('arm', 'v7'),
      imageFor('386'),
      imageFor('arm', 'v6'),
    ];
    const index = planIndex(images, { annotations: {}, created: CREATED, vcsUrl: '' });
    expect(index.children.map((child) => child.kind === 'image' && child.config)).toMatchObject([
      { architecture: '386' },
      { architecture: 'amd64' },
      { architecture: 'arm', variant: 'v6' },
      { architecture: 'arm', variant: 'v7' },
      { architecture: 'arm64' },
    ]);
    expect(index.manifest.manifests).toEqual(index.children.map((child) => child.descriptor));
  });

  it('prints it exactly', () => {
    const image = imageFor('arm', 'v7');
    const index = planIndex([image], { annotations: { a: '&' }, created: CREATED, vcsUrl: '' });
    expect(textOf(index.manifestBytes)).toBe(
      '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",' +
        `"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":${image.manifestBytes.length},"digest":"${image.descriptor.digest}",` +
        '"platform":{"architecture":"arm","os":"linux","variant":"v7"},"artifactType":"application/vnd.oci.image.config.v1+json"}],' +
        `"annotations":{"a":"\\u0026","org.opencontainers.image.created":"${CREATED}"}}`,
    );
    expect(index.descriptor.digest).toBe(sha256(index.manifestBytes));
  });

  it.each([
    ['', undefined, undefined],
    ['https://github.com/o/r', undefined, undefined],
    ['https://github.com/o/r@abc', 'https://github.com/o/r', 'abc'],
    ['https://github.com/o/r@abc@d', 'https://github.com/o/r', 'abc@d'],
    ['https://user:c4nary@github.com/o/r@abc', 'https://github.com/o/r', 'abc'],
    ['git+ssh://git@github.com/o/r@abc', 'git+ssh://github.com/o/r', 'abc'],
  ])('says where the sources are: %j', (vcsUrl, source, revision) => {
    const { annotations } = planIndex([], { annotations: {}, created: CREATED, vcsUrl }).manifest;
    expect(annotations['org.opencontainers.image.source']).toBe(source);
    expect(annotations['org.opencontainers.image.revision']).toBe(revision);
  });

  it('is never asked for two images of one architecture', () => {
    const twice = [imageFor('amd64'), imageFor('amd64')];
    expect(() => planIndex(twice, { annotations: {}, created: CREATED, vcsUrl: '' })).toThrow('one image for each');
  });
});

describe('transforms', () => {
  const image = planImage(planOf({ annotations: { a: '1' } }));

  it('append a layer to a new image and leave the old one', () => {
    const before = textOf(image.manifestBytes);
    const more = appendLayer(image, layer('two'), { createdBy: 'me' });
    expect(imageLayers(more)).toEqual([layer('one'), layer('two')]);
    expect(more.config.history.at(-1)).toEqual({ createdBy: 'me' });
    expect(more.config.run).toEqual(image.config.run);
    expect(more.manifest.config.digest).toBe(sha256(more.configBytes));
    expect(parseImageConfigFile(more.configBytes)).toEqual(more.config);
    expect(parseManifest(more.manifestBytes)).toEqual(more.manifest);
    expect(textOf(image.manifestBytes)).toBe(before);
  });

  it('annotate an image without touching its config', () => {
    const annotated = withAnnotations(image, { a: '2', b: '3' });
    expect(annotated.manifest.annotations).toMatchObject({ a: '2', b: '3' });
    expect(annotated.configBytes).toBe(image.configBytes);
    expect(annotated.descriptor.digest).toBe(sha256(annotated.manifestBytes));
    expect(annotated.descriptor.platform).toEqual(image.descriptor.platform);
    expect(image.manifest.annotations['a']).toBe('1');
  });

  it('annotate an index without touching its images', () => {
    const index = makeIndex([image], {});
    const annotated: ImageIndex = withAnnotations(index, { a: '2' });
    expect(parseIndexManifest(annotated.manifestBytes)).toEqual({ ...index.manifest, annotations: { a: '2' } });
    expect(annotated.children).toEqual(index.children);
  });
});

describe('imagesOf and findImage', () => {
  const amd64 = planImage(planOf());
  const arm64 = planImage(planOf({ platform: { architecture: 'arm64' } }));

  it('look into nested indexes and count each image once', () => {
    const nested = makeIndex([makeIndex([amd64, arm64], {}), amd64], {});
    expect(imagesOf(nested)).toEqual([amd64, arm64]);
    expect(findImage(nested, { os: 'linux', architecture: 'arm64', variant: 'v8' })).toBe(arm64);
    expect(findImage(nested, { os: 'linux', architecture: 's390x' })).toBeUndefined();
  });
});

describe('parseImage', () => {
  const image = planImage(planOf());
  const config = async (): Promise<Uint8Array> => image.configBytes;

  it('gives the image that was printed', async () => {
    expect(await parseImage(image.descriptor, image.manifestBytes, config)).toEqual(image);
  });

  it('gives an artifact where the config is something else, without reading it', async () => {
    const text = textOf(image.manifestBytes).replace('image.config.v1', 'empty.v1');
    const bytes = new TextEncoder().encode(text);
    const unread = () => Promise.reject(new Error('not to be read'));
    const artifact = await parseImage(describeBytes(bytes, MEDIA_TYPE.imageManifest), bytes, unread);
    expect(artifact).toMatchObject({ kind: 'artifact', manifestBytes: bytes });
  });

  it.each<[string, Descriptor, () => Promise<Uint8Array>, string, string]>([
    [
      'another manifest',
      { ...image.descriptor, digest: sha256('x') },
      config,
      'CHECKSUM_MISMATCH',
      'the image manifest',
    ],
    ['another config', image.descriptor, async () => Uint8Array.of(1), 'CHECKSUM_MISMATCH', 'the image config'],
  ])('refuses %s', async (_name, descriptor, readConfig, code, message) => {
    await expect(parseImage(descriptor, image.manifestBytes, readConfig)).rejects.toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });

  it('refuses a config with another number of layers', async () => {
    const odd = makeImage({ ...image.config, diffIds: [] }, image.manifest.layers, {});
    await expect(parseImage(odd.descriptor, odd.manifestBytes, async () => odd.configBytes)).rejects.toThrow(
      expect.objectContaining({ code: 'IMAGE_INVALID', message: expect.stringContaining('has 1 layers, but') }),
    );
  });

  it('checks an index before reading it', () => {
    const index = makeIndex([image], {});
    expect(parseVerifiedIndex(index.descriptor, index.manifestBytes)).toEqual(index.manifest);
    expect(() => parseVerifiedIndex(index.descriptor, image.manifestBytes)).toThrow('the image index');
  });
});
