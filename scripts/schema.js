// Writes schema/image-config.schema.json from the description that the parser itself follows. Run it after changing
// src/planning/config/image-schema.ts; a test fails while the committed file is stale.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const bundle = await build({
  stdin: {
    contents: `
      export { printJsonSchema } from './src/planning/config/json-schema.ts';
      export { IMAGE_SCHEMA, IMAGE_SCHEMA_TITLE } from './src/planning/config/image-schema.ts';
    `,
    resolveDir: root,
  },
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
});
const code = Buffer.from(bundle.outputFiles[0].contents).toString('base64');
const { printJsonSchema, IMAGE_SCHEMA, IMAGE_SCHEMA_TITLE } = await import(`data:text/javascript;base64,${code}`);

mkdirSync(`${root}/schema`, { recursive: true });
writeFileSync(`${root}/schema/image-config.schema.json`, printJsonSchema(IMAGE_SCHEMA, IMAGE_SCHEMA_TITLE));
