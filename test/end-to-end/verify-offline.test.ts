// `--offline` opens no socket: images copied into a layout are verified with every way to a socket guarded, and by the built
// command in a network namespace that has no route.

import { execFile } from 'node:child_process';
import { createSocket, Socket as DatagramSocket } from 'node:dgram';
import dns from 'node:dns';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { operations } from '../../src/cli/operations.ts';
import { recordedWorld } from '../../src/cli/recorded-world.ts';
import { type FaultyRegistry, openFaultyRegistry } from '../support/faulty-registry.ts';
import {
  type LoopbackSigstore,
  openLoopbackSigstore,
  TEST_IDENTITY,
  TEST_ISSUER,
} from '../support/loopback-sigstore.ts';
import { missingPeers } from '../support/peers.ts';
import { type ClientBench, openBench } from '../support/registry-client.ts';
import { IMAGES, KEYS, makeState, STATES } from '../support/signed-states.ts';

let bench: ClientBench;
let registry: FaultyRegistry;
let sigstore: LoopbackSigstore;
let folder: string;

async function stave(...argv: readonly string[]) {
  const world = recordedWorld({ cwd: folder, homeDir: folder, operations: async () => operations });
  return { exitCode: await main(argv, world), stdout: world.stdout.text, stderr: world.stderr.text };
}

beforeAll(async () => {
  bench = openBench();
  registry = await openFaultyRegistry();
  sigstore = await openLoopbackSigstore();
  folder = await mkdtemp(join(tmpdir(), 'stave-offline-'));
  await writeFile(join(folder, 'key.pub'), KEYS.right.publicKey.pem);
  await writeFile(join(folder, 'root.json'), sigstore.trustedRoot);
  const states = { keyed: 'signed, both', keyless: 'keyless with log and timestamp, both' };
  for (const [name, state] of Object.entries(states)) {
    const client = bench.open(`${registry.host}/team/${name}`);
    await makeState(STATES[state]!, { client, sigstore, clock: bench.clock });
    const copy = await stave('copy', `${registry.host}/team/${name}:1.0`, `oci:${name}`);
    expect(copy.exitCode, copy.stderr).toBe(0);
  }
  const entries = [
    `  - { match: ${registry.host}/team/keyed, signers: [{ key: key.pub }], log: ignored }`,
    `  - { match: ${registry.host}/team/keyless, signers: [{ identity: '${TEST_IDENTITY}', issuer: '${TEST_ISSUER}' }] }`,
  ];
  await writeFile(join(folder, 'stave.trust.yaml'), `images:\n${entries.join('\n')}\ntrusted-root: root.json\n`);
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(async () => {
  await bench.close();
  await sigstore.close();
  await registry.close();
  await rm(folder, { recursive: true });
});

const rows = [
  ['a key by flags', 'keyed', ['--key', 'key.pub', '--insecure-ignore-tlog']],
  [
    'an identity by flags',
    'keyless',
    ['--certificate-identity', TEST_IDENTITY, '--certificate-oidc-issuer', TEST_ISSUER, '--trusted-root', 'root.json'],
  ],
  ['a key of the trust file', 'keyed', []],
  ['an identity of the trust file', 'keyless', []],
] as const;
const words = (name: string, flags: readonly string[]) => {
  const reference = `${registry.host}/team/${name}@${IMAGES.index.descriptor.digest}`;
  return ['verify', reference, '--layout', name, '--offline', ...flags];
};

/** Every way to a socket ends in an error, and is counted. */
function guardSockets(): () => number {
  const refuse = () => {
    throw new Error('a socket was opened');
  };
  const guards = [
    vi.spyOn(Socket.prototype, 'connect').mockImplementation(refuse),
    vi.spyOn(DatagramSocket.prototype, 'send').mockImplementation(refuse),
    vi.spyOn(dns, 'lookup').mockImplementation(refuse as never),
    vi.spyOn(dns.promises, 'lookup').mockImplementation(refuse as never),
    vi.spyOn(globalThis, 'fetch').mockImplementation(refuse as never),
  ];
  return () => guards.reduce((sum, { mock }) => sum + mock.calls.length, 0);
}

describe('with a guard on sockets', () => {
  it('guards what it says', async () => {
    const opened = guardSockets();
    expect(() => new Socket().connect(1)).toThrow(/a socket/);
    const datagram = createSocket('udp4');
    expect(() => datagram.send('x', 1)).toThrow(/a socket/);
    datagram.close();
    expect(() => fetch('http://127.0.0.1:1')).toThrow(/a socket/);
    expect(opened()).toBe(3);
    const online = await stave('verify', `${registry.host}/team/keyed:1.0`);
    expect([online.exitCode, opened() > 3]).toEqual([5, true]);
  });

  it.each(rows)('%s', async (_what, name, flags) => {
    const opened = guardSockets();
    const run = await stave(...words(name, flags));
    expect([run.exitCode, opened()], run.stdout + run.stderr).toEqual([0, 0]);
    const attested = await stave('verify-attestation', '--type', 'spdxjson', ...words(name, flags).slice(1));
    expect([attested.exitCode, opened()], attested.stderr).toEqual([10, 0]);
  });

  it('refuses a registry before it asks', async () => {
    const opened = guardSockets();
    const run = await stave('verify', `${registry.host}/team/keyed:1.0`, '--offline');
    expect([run.exitCode, opened()]).toEqual([5, 0]);
  });
});

const bin = fileURLToPath(new URL('../../bin/stave.js', import.meta.url));
const run = promisify(execFile);
const missing = missingPeers('unshare');
const alone =
  missing ??
  (await run('unshare', ['-rn', 'true']).then(
    () => undefined,
    () => 'no namespaces here',
  ));

describe.skipIf(alone !== undefined)(`without any route${alone === undefined ? '' : ` (${alone})`}`, () => {
  const inside = (...args: readonly string[]) =>
    run('unshare', ['-rn', ...args], { cwd: folder }).then(
      () => 0,
      ({ code }: { code: number }) => code,
    );

  it('has no route', async () => {
    const { port } = new URL(registry.url);
    const connect = `require('node:net').connect(${port}, '127.0.0.1').on('error', () => process.exit(3))`;
    expect(await inside(process.execPath, '-e', connect)).toBe(3);
  });

  it.each(rows)('%s', async (_what, name, flags) => {
    expect(await inside(process.execPath, bin, ...words(name, flags))).toBe(0);
  });
});
