// Debian's docker-registry (the distribution project, 2.8) on a free port of 127.0.0.1, with storage of its own: a real
// registry without the referrers API. Variants: open, htpasswd, tokens; each with or without TLS.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** The one user of the htpasswd variant. The server takes only bcrypt, which Node does not have: so the hash is a constant. */
export const HTPASSWD_USER = 'stave';
export const HTPASSWD_PASSWORD = 'correct horse';
const HTPASSWD_LINE = `${HTPASSWD_USER}:$2b$05$stavestavestavestaveOuMppMfT1url3H3GlHvuqOS1l55ZRd.yW\n`;

/** What the registry has to know of a token server. */
export interface TokenAuthority {
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  /** PEM; its key signs the tokens. */
  readonly certificate: string;
}

export interface DockerRegistryOptions {
  /** Without: everybody may do everything. */
  readonly auth?: 'htpasswd' | TokenAuthority;
  /** PEM. Plain HTTP without. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Refuses all writes, as a mirror in maintenance does. */
  readonly readOnly?: boolean;
}

export interface DockerRegistry {
  /** `http://127.0.0.1:PORT` or `https://...` */
  readonly url: string;
  /** `127.0.0.1:PORT`, as references begin. */
  readonly host: string;
  /** What the server has logged so far. */
  readonly log: readonly string[];
  stop(): Promise<void>;
}

/** Debian's package of the same name brings it. */
const PROGRAM = 'docker-registry';
const START_MS = 20_000;

export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const directory = await mkdtemp(join(tmpdir(), 'stave-docker-registry-'));
  const config = join(directory, 'config.json');
  await writeFile(config, JSON.stringify(await configuration(directory, options)));
  const child = spawn(PROGRAM, ['serve', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const log: string[] = [];
  const stop = async (): Promise<void> => {
    process.off('exit', kill);
    await ended(child);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const host = await listening(child, log);
    return { url: `${options.tls === undefined ? 'http' : 'https'}://${host}`, host, log, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** JSON is YAML. */
async function configuration(directory: string, { auth, tls, readOnly }: DockerRegistryOptions): Promise<unknown> {
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(directory, name), text);
    return join(directory, name);
  };
  return {
    version: '0.1',
    log: { level: 'info', formatter: 'json', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(directory, 'storage') },
      delete: { enabled: true },
      ...(readOnly && { maintenance: { readonly: { enabled: true } } }),
    },
    http: {
      addr: '127.0.0.1:0',
      secret: 'a secret of the test',
      ...(tls && {
        tls: { certificate: await file('tls.pem', tls.certificate), key: await file('tls-key.pem', tls.key) },
      }),
    },
    ...(auth === 'htpasswd' && { auth: { htpasswd: { realm: 'test', path: await file('htpasswd', HTPASSWD_LINE) } } }),
    ...(typeof auth === 'object' && {
      auth: {
        token: {
          realm: auth.realm,
          service: auth.service,
          issuer: auth.issuer,
          rootcertbundle: await file('tokens.pem', auth.certificate),
        },
      },
    }),
  };
}

/** `127.0.0.1:PORT`, as the server logs it: port 0 lets the system choose, so no two tests meet. */
function listening(child: ChildProcess, log: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const give = (why: string) => reject(new Error(`docker-registry ${why}:\n${log.join('\n')}`));
    const timer = setTimeout(() => give('did not start in time'), START_MS);
    child.once('error', (error) => give(`could not be started: ${error.message}`));
    child.once('exit', (code) => give(`ended with ${code}`));
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      log.push(line);
      const [, host] = /listening on (127\.0\.0\.1:\d+)/.exec(line) ?? [];
      if (host === undefined) return;
      clearTimeout(timer);
      resolve(host);
    });
  });
}

function ended(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}
