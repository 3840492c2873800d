// Every bound, with its reason. The four that have flags (cli.md 1) are defaults; -1 there means "no limit".

const MiB = 1024 * 1024;

export const LIMITS = {
  /** Decompressed APKINDEX: --max-apkindex-decompressed-size. The largest public index is about 40 MiB. */
  indexBytes: 300 * MiB,
  /** Decompressed control or signature member of a package: --max-apk-control-size. */
  controlBytes: 10 * MiB,
  /** Decompressed data member: --max-apk-data-size. */
  packageDataBytes: 16 * 1024 * MiB,
  /** One HTTP body: --max-http-response-size. */
  responseBytes: 8 * 1024 * MiB,
  /** Entries of one archive: a million files is ten times the largest distribution package. */
  archiveEntries: 2_000_000,
  /** One PAX header block; real ones stay below 1 KiB, xattrs may reach 64 KiB. */
  paxBytes: 1 * MiB,
  /** A YAML configuration; real ones stay below 100 KiB. */
  configBytes: 4 * MiB,
  /** YAML aliases expanded in one document (billion laughs). */
  yamlAliases: 100,
  /** Values of one document after aliases are expanded; 4 MiB without aliases hold fewer. */
  yamlNodes: 2_000_000,
  /** Nested YAML collections; configurations have four levels, and parsers recurse. */
  yamlDepth: 64,
  /** Further mistakes listed below the first one; more would only scroll it away. */
  listedProblems: 20,
  /** Nested includes; a cycle is found before this. */
  includeDepth: 16,
  /** Files that one configuration includes, all levels together: each may include several. */
  includedFiles: 256,
  /** A lock file of 10,000 packages on nine architectures is about 60 MiB. */
  lockBytes: 128 * MiB,
  /** A public key or certificate file. */
  keyBytes: 1 * MiB,
  /** A trusted root or signing configuration; that of the public instance has 7 KiB. */
  trustedRootBytes: 4 * MiB,
  /** Memory that a password is turned into a key with; sealed keys of the field need 64 MiB. */
  keyDerivationBytes: 256 * MiB,
  /** One line of an APKINDEX (apk-format.md 3). */
  indexLineBytes: 1 * MiB,
  /** Symbolic links followed while resolving one path, as Linux does. */
  symlinkHops: 40,
  /** Files the builder itself reads whole out of an image (passwd, CA bundle, trust store ...). */
  editedFileBytes: 64 * MiB,
  /** Downloads in flight; more does not help one host and fills buffers. */
  parallelDownloads: 8,
  /** An image manifest, index or config: registries refuse manifests above 4 MiB, real ones stay below 100 KiB. */
  imageManifestBytes: 4 * MiB,
  /** Indexes inside indexes: a layout's list, in it an image's index; more is a riddle, not an image. */
  imageIndexDepth: 4,
  /** Manifests, indexes and configs reached from one image index, all levels together; published ones stay below 100. */
  imageDocuments: 4000,
  /** And their bytes, since they are kept in memory. */
  imageDocumentsBytes: 64 * MiB,
  /** Layers of an image that is unpacked; storage drivers take 128. */
  imageLayers: 1_000,
  /** All layers of an image, unpacked: the largest in public are near 50 GiB. */
  imageUnpackedBytes: 64 * 1024 * MiB,
  /** Memory for what zstd may refer back to: what its own tools take without being told to take more. */
  zstdWindowBytes: 128 * MiB,
  /** A path in a layer: Linux takes 4,096 bytes. */
  layerPathCharacters: 4096,
  /** Files in an archive of images: three for each layer and image, of which there are at most some hundred. */
  imageArchiveEntries: 20_000,
  /** Signatures, SBOMs and other things attached to an image and to each other; busy images have some dozen. */
  imageAttachments: 1_000,
  /** An SBOM that is attached to an image: those that list every file of a large one near 50 MiB. */
  attachedSbomBytes: 64 * MiB,
  /** Parsed dependency and version strings kept in memory; a large index has 50,000 different ones. */
  parsedDependencies: 200_000,
  /** Chain of dependencies that the recursive solver follows; real chains stay below 40. */
  dependencyDepth: 1_000,
  /** Packages that the reference's algorithm looks at before we call it lost; 500 wishes need about 100,000. */
  referenceSteps: 20_000_000,
  /** Packages that a complete search takes into account; the largest public index has 150,000 records. */
  searchPackages: 200_000,
  /** Dead ends of a complete search; random hard cases need some hundreds. */
  searchConflicts: 10_000,
  /** The licence field of a package that is read as an expression; real ones stay below 1,000 characters. */
  licenceCharacters: 4096,
  /** One SBOM inside a package; those of large Go and Java programs reach about 5 MiB. */
  embeddedSbomBytes: 32 * MiB,
  /** All SBOMs inside the packages of one image: the result must fit one string of Node (512 MiB). */
  embeddedSbomTotalBytes: 192 * MiB,
  /** A repository name of our registry: most clients allow 255 characters together with the host. */
  repositoryNameCharacters: 255,
  /** One blob pushed to our registry; the largest layers in public are near 50 GiB. */
  registryBlobBytes: 64 * 1024 * MiB,
  /** Uploads that are under way at our registry; a client has about ten. */
  registryUploads: 1000,
  /** An upload without a request for so long is given up, and a blob that no repository has is removed. */
  registryIdleMs: 24 * 60 * 60 * 1000,
  /** An upload that rests for so long makes room for another one when there are too many. */
  registryRestMs: 10 * 60 * 1000,
  /** Sockets open at our registry; a client has about ten. */
  registryConnections: 1000,
  /** Referrers in one page of an answer. */
  registryReferrers: 1000,
  /** Unwanted bytes of a request that our registry still reads, so that the client gets to read the refusal. */
  registryDrainBytes: 64 * MiB,
  /** docker's config.json or an auth.json; some hundred registries are 50 KiB. */
  credentialFileBytes: 1 * MiB,
  /** What a credential helper prints; tokens of large clouds reach 10 KiB. */
  helperOutputCharacters: 256 * 1024,
  /** A registry's token, error or upload answer. */
  registryAnswerBytes: 64 * 1024,
  /** One page of tags or referrers: registries send 100 to 10,000 entries of at most 1 KiB. */
  registryPageBytes: 16 * MiB,
  /** Pages of one listing; with 1,000 entries each, ten times the largest public repositories. */
  registryPages: 1_000,
  /** Referrers of one image whose manifests are read because their list does not say what they are. */
  unlabelledReferrers: 200,
  /** Files of the user's own in one image; a large web application with its modules has some 50,000. */
  collectedFiles: 500_000,
  /** And their bytes: as much as the largest package may have. */
  collectedBytes: 16 * 1024 * MiB,
  /** Nested folders below one that is collected. */
  collectedDepth: 128,
  /** Rounds of reading, merging and writing a list of referrers that others change at the same time. */
  referrerRounds: 10,
  /** One signature or attestation: an SBOM of a large image inside a bundle, in base64. cosign's own bound. */
  attestationBytes: 128 * MiB,
  /** The payload of the event that started a workflow; GitHub sends at most 25 MB. */
  actionEventBytes: 32 * MiB,
  /** Signatures and attestations of one image that are looked at; published images have below 50. */
  imageSignatures: 200,
  /** Platforms of an index that are looked at one by one; real ones have below 20. */
  consumerPlatforms: 64,
} as const;
