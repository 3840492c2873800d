// What we use of undici, in a module of its own that is loaded with the first request. Named here and not there: a CommonJS
// package that is bundled and imported dynamically has its exports below `default` alone.

export { Agent, Pool, ProxyAgent } from 'undici';
