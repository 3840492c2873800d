import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isBuildersFile, isDpkgsFile } from './builders-files.ts';

const BUILDERS = [
  /^etc\/apk\//,
  /^(?:usr\/)?lib\/apk(?:$|\/db\/|\/exec\/)/,
  /^etc\/apko\.json$/,
  /^etc\/ld\.so\.cache$/,
  /^etc\/(?:passwd|group|shadow)-?$/,
  /^dev\/(?:zero|urandom|null|random|console)$/,
  /^usr\/local\/share\/ca-certificates\/[^/]+-[0-9a-f]{64}\.crt$/,
  /(?:^|\/)\.(?:ca-certificates\.crt|tls-ca-bundle\.pem|cacerts)\.sha256$/,
  /^sv\/[^/]+\/run$/,
];

const DPKG = [
  /^var\/lib\/dpkg\//,
  /^etc\/(?:passwd|group|shadow|gshadow|ld\.so\.cache)-?$/,
  /^etc\/alternatives\//,
  /^etc\/ssl\/certs\//,
];

it('what builders write is told as by these expressions', () => {
  const name = fc.constantFrom(
    ...'etc apk usr lib db exec apko.json ld.so.cache ld.so.cache- passwd passwd- group- shadow gshadow gshadow- dev'.split(
      ' ',
    ),
    ...'null console random x var dpkg alternatives ssl certs local share ca-certificates sv run .cacerts.sha256'.split(
      ' ',
    ),
    ...['.ca-certificates.crt.sha256', 'x.cacerts.sha256', `x-${'0a'.repeat(32)}.crt`, `-${'0'.repeat(64)}.crt`, ''],
  );
  const beginning = fc.constantFrom('', 'etc/', 'usr/lib/apk/', 'lib/apk/', 'usr/local/share/ca-certificates/', 'sv/');
  fc.assert(
    fc.property(beginning, fc.array(name, { minLength: 1, maxLength: 4 }), (start, names) => {
      const path = start + names.join('/');
      expect(isBuildersFile(path)).toBe(BUILDERS.some((pattern) => pattern.test(path)));
      expect(isDpkgsFile(path)).toBe(DPKG.some((pattern) => pattern.test(path)));
    }),
    { numRuns: 5000 },
  );
});
