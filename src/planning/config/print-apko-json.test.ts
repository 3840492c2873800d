import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadImageConfig } from './load.ts';
import { printApkoJson } from './print-apko-json.ts';

function apkoJson(yaml: string): string {
  return printApkoJson(loadImageConfig('a', () => new TextEncoder().encode(yaml), []).config);
}

describe('printApkoJson', () => {
  it('prints every key in the order of the reference', () => {
    const yaml = `
certificates: {providers: [p], additional: [{content: C, name: c}]}
format: tar
layering: {budget: 2, strategy: origin}
volumes: [/v2, /v1]
annotations: {b: "2", a: "1"}
vcs-url: u@r
paths:
  - {recursive: true, source: /s, permissions: 02775, gid: 0, uid: 0, type: directory, path: /p}
  - {path: /q, type: permissions}
environment: {B: "2", A: <&>}
archs: [x86_64]
accounts:
  groups: [{members: [a, b], gid: 7, groupname: g}, {groupname: root, gid: 0}]
  users: [{homedir: /h, shell: /s, gid: 0, uid: 7, username: u}, {username: v, uid: 8}]
  run-as: 7
work-dir: /w
stop-signal: SIGTERM
cmd: a 'b c'
entrypoint: {services: {z: "1", a: "2"}, shell-fragment: s, command: c, type: t}
contents:
  baseimage: {apkindex: x, image: i}
  packages: [p, o]
  runtime_keyring: [{content: K, name: k}]
  keyring: [k]
  repositories: [r]
  runtime_repositories: [u]
  build_repositories: [b]
`;
    expect(apkoJson(yaml)).toBe(
      `${[
        '{"contents":{"build_repositories":["b"],"runtime_repositories":["u"],"repositories":["r"],"keyring":["k"],',
        '"runtime_keyring":[{"name":"k","content":"K"}],"packages":["p","o"],"baseimage":{"image":"i","apkindex":"x"}},',
        '"entrypoint":{"type":"t","command":"c","shell-fragment":"s","services":{"a":"2","z":"1"}},',
        '"cmd":"a \'b c\'","stop-signal":"SIGTERM","work-dir":"/w",',
        '"accounts":{"run-as":"7","users":[{"username":"u","uid":7,"gid":0,"shell":"/s","homedir":"/h"},',
        '{"username":"v","uid":8}],"groups":[{"groupname":"g","gid":7,"members":["a","b"]},{"groupname":"root"}]},',
        '"archs":["amd64"],"environment":{"A":"\\u003c\\u0026\\u003e","B":"2"},',
        '"paths":[{"path":"/p","type":"directory","uid":0,"gid":0,"permissions":1533,"source":"/s","recursive":true},',
        '{"path":"/q","type":"permissions"}],"vcs-url":"u@r","annotations":{"a":"1","b":"2"},"volumes":["/v2","/v1"],',
        '"layering":{"strategy":"origin","budget":2},"format":"tar",',
        '"certificates":{"additional":[{"name":"c","content":"C"}],"providers":["p"]}}',
      ].join('')}\n`,
    );
  });

  it('keeps the objects that are always there, and optional ones that are empty', () => {
    expect(apkoJson('{}')).toBe('{"contents":{},"entrypoint":{},"accounts":{}}\n');
    expect(apkoJson('layering: {}\ncertificates: {}')).toBe(
      '{"contents":{},"entrypoint":{},"accounts":{},"layering":{},"certificates":{}}\n',
    );
  });

  it('sorts keys by bytes, also those that look like numbers', () => {
    expect(apkoJson('environment: {b: x, 10: x, 9: x, B: x, "": x}')).toContain(
      '"environment":{"":"x","10":"x","9":"x","B":"x","b":"x"}',
    );
  });

  it('strips credentials from every URL', () => {
    const url = 'https://user:hunter2@h.example.test/os';
    const text = apkoJson(
      `contents: {repositories: ['${url}', '@t ${url}'], build_repositories: ['${url}'], runtime_repositories: ['${url}'], keyring: ['${url}/k']}\nvcs-url: ${url}@x`,
    );
    expect(text).not.toContain('hunter2');
    expect(text).toContain('"repositories":["https://h.example.test/os","@t https://h.example.test/os"]');
  });

  it('is JSON that says what the configuration says', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), fc.array(fc.string()), (environment, volumes) => {
        const yaml = JSON.stringify({ environment, volumes });
        fc.pre(!/\\u00[01]|\\b|\\f|\x7f/.test(yaml));
        const printed = JSON.parse(apkoJson(yaml));
        expect(printed.environment ?? {}).toEqual(environment);
        expect(printed.volumes ?? []).toEqual(volumes);
      }),
      { numRuns: 50 },
    );
  });
});
