// Flags -> the part of a request that says which configuration and where its packages come from.

import type { SourceRequest } from '../operations/image/request.ts';
import { type Flags, listFlag, registryFlags, textFlag } from './flags.ts';

export function sourceRequest(configPath: string, flags: Flags): SourceRequest {
  return {
    configPath,
    archs: listFlag(flags, 'arch'),
    keyringAppend: listFlag(flags, 'keyringAppend'),
    buildRepositoryAppend: listFlag(flags, 'buildRepositoryAppend'),
    repositoryAppend: listFlag(flags, 'repositoryAppend'),
    offline: flags['offline'] === true,
    ignoreSignatures: flags['ignoreSignatures'] === true,
    includePaths: listFlag(flags, 'includePaths'),
    registry: registryFlags(flags),
    ...given('vars', flags['var'] as readonly string[] | undefined),
    ...given('strictApko', flags['strictApko'] === true || undefined),
    ...given('variant', textFlag(flags, 'variant')),
    ...given('cacheDir', textFlag(flags, 'cacheDir')),
    ...given('mirror', textFlag(flags, 'mirror')),
  };
}

/** `{[name]: value}`, or nothing where the flag was not given: requests leave absent fields out. */
export function given<K extends string, V>(name: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [P in K]?: V });
}
