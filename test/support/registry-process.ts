// A process of its own for tests that kill it: our registry on a folder. Prints its URL when it listens.

import { createRegistryServer } from '../../src/effects/registry/server/registry-server.ts';

const [directory = ''] = process.argv.slice(2);
const server = createRegistryServer({ directory, events: () => {} });
const { url } = await server.listen(0, '127.0.0.1');
process.stdout.write(`${url}\n`);
