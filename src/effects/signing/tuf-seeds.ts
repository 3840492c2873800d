// What @sigstore/tuf comes with (see verifying-library.ts): 20 KB that only verifying without a root of one's own needs.

export { default as seeds } from '@sigstore/tuf/seeds.json' with { type: 'json' };
