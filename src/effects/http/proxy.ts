// Which proxy a request goes through: HTTP_PROXY, HTTPS_PROXY and NO_PROXY in either case (cli.md 3).
// Pure: the environment is handed in. As in the reference, HTTPS requests never use HTTP_PROXY, and loopback hosts go direct.

import { BlockList, isIP } from 'node:net';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The proxy's URL, possibly with user info, or undefined for a direct connection. */
export function proxyFor(url: URL, environment: Environment): string | undefined {
  const variable = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const proxy = fromEnvironment(environment, variable);
  if (proxy === undefined || isLoopback(bareHost(url))) return undefined;
  if (isExcluded(url, fromEnvironment(environment, 'NO_PROXY') ?? '')) return undefined;
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
}

function fromEnvironment(environment: Environment, name: string): string | undefined {
  return environment[name] || environment[name.toLowerCase()] || undefined;
}

/** Host without brackets, lower case. */
export function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
}

/** `host` without brackets and port. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** NO_PROXY: `*`, names (with their subdomains), `.suffix` (subdomains only), addresses, CIDR blocks; each may have `:port`. */
function isExcluded(url: URL, noProxy: string): boolean {
  const host = bareHost(url);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  for (const item of noProxy.toLowerCase().split(/[\s,]+/)) {
    if (item === '') continue;
    if (item === '*') return true;
    if (item.includes('/')) {
      if (isInBlock(host, item)) return true;
      continue;
    }
    const withPort = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(item);
    if (withPort && withPort[2] !== port) continue;
    const name = (withPort?.[1] ?? item).replace(/^\[|\]$/g, '').replace(/^\*(?=\.)/, '');
    if (name.startsWith('.') ? host.endsWith(name) : host === name || host.endsWith(`.${name}`)) return true;
  }
  return false;
}

function isInBlock(host: string, block: string): boolean {
  const [network = '', bits = ''] = block.split('/');
  const family = isIP(host);
  if (family === 0 || isIP(network) !== family || !/^\d{1,3}$/.test(bits)) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  if (Number(bits) > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(bits), type);
  return list.check(host, type);
}
