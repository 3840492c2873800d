// The clients of one run: one for each repository, made when it is first needed, so that connections and tokens are shared.

import { openRegistry, type RegistryClient } from '../../effects/registry/client/registry-client.ts';
import type { RegistryOptions } from '../../effects/registry/client/registry-connection.ts';
import type { Reference } from '../../formats/oci/reference.ts';
import type { Host } from '../host.ts';
import { type RegistryAccess, registryOptions } from './registry-request.ts';

export class Registries {
  readonly #optionsFor: (registry: string) => RegistryOptions;
  readonly #clients = new Map<string, RegistryClient>();

  constructor(access: RegistryAccess, host: Host) {
    let optionsFor: ((registry: string) => RegistryOptions) | undefined;
    this.#optionsFor = (registry) => {
      optionsFor ??= registryOptions(access, host);
      return optionsFor(registry);
    };
  }

  /** Opens no socket. Failures of `registryOptions`. */
  client({ registry, repository }: Pick<Reference, 'registry' | 'repository'>): RegistryClient {
    const key = `${registry}/${repository}`;
    const client = this.#clients.get(key) ?? openRegistry({ registry, repository }, this.#optionsFor(registry));
    this.#clients.set(key, client);
    return client;
  }

  async close(): Promise<void> {
    const clients = [...this.#clients.values()];
    this.#clients.clear();
    await Promise.all(clients.map((client) => client.close()));
  }
}

/** Runs `work` with clients that are closed afterwards, whatever happens. */
export async function withRegistries<T>(
  access: RegistryAccess,
  host: Host,
  work: (registries: Registries) => Promise<T>,
): Promise<T> {
  const registries = new Registries(access, host);
  try {
    return await work(registries);
  } finally {
    await registries.close();
  }
}
