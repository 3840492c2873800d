import { describe, expect, it } from 'vitest';
import { loadImageConfig } from './load.ts';
import { compareNaturally } from './natural-order.ts';
import { printShowConfig } from './print-show-config.ts';
import { validateImageConfig } from './validate.ts';

function show(yaml: string): string {
  const loaded = loadImageConfig('a', () => new TextEncoder().encode(yaml), []);
  return printShowConfig(validateImageConfig(loaded, undefined, 'lock'));
}

describe('printShowConfig', () => {
  it('prints every key of entrypoint, accounts and paths once one is given', () => {
    expect(
      show(`
contents:
  repositories: ['@t https://u:hunter2@h.example.test/os', plain]
  keyring: ['https://u:hunter2@h.example.test/k']
  runtime_keyring: [{name: k, content: "1\\n2\\n"}]
  baseimage: {image: i, apkindex: x}
`),
    ).toBe(`contents:
    repositories:
        - '@t https://xxxxx@h.example.test/os'
        - plain
    keyring:
        - https://xxxxx@h.example.test/k
    runtime_keyring:
        - name: k
          content: |
            1
            2
    baseimage:
        image: i
        apkindex: x
`);
    expect(
      show(`
contents: {repositories: [r]}
entrypoint: {services: {b: x, a: "1"}}
accounts: {users: [{username: u, uid: 1}]}
paths: [{path: /p, type: directory}]
layering: {}
format: tar
vcs-url: https://u:hunter2@h.example.test/os@x
certificates: {}
`),
    ).toBe(`contents:
    repositories:
        - r
entrypoint:
    type: ""
    command: ""
    shell-fragment: ""
    services:
        a: "1"
        b: x
accounts:
    run-as: ""
    users:
        - username: u
          uid: 1
          gid: null
          shell: ""
          homedir: /home/u
    groups: []
paths:
    - path: /p
      type: directory
      uid: null
      gid: null
      permissions: 0
      source: ""
      recursive: false
vcs-url: https://xxxxx@h.example.test/os@x
layering:
    strategy: ""
    budget: 0
format: tar
certificates:
    additional: []
    providers: []
`);
  });
});

describe('compareNaturally', () => {
  const sorted: string[][] = [
    ['', 'a', 'b'],
    ['A', 'B', 'a', 'b'],
    ['PATH', 'PYTHON'],
    ['a_b', 'ab'],
    ['a1', 'a2', 'a10', 'ab'],
    ['a1b', 'a1_'],
    ['a01', 'a1', 'a2'].sort(compareNaturally),
    ['10', '20', '100', '101'],
    ['1.2', '1.10'],
    ['-', 'a'],
  ];
  it.each(sorted)('%s < %s ...', (...names) => {
    expect([...names].reverse().sort(compareNaturally)).toEqual(names);
  });
});
