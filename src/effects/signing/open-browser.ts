// Starts the browser of this machine, where there is one. No shell is asked, so a URL can be nothing but a URL.

import { spawn } from 'node:child_process';

const OPENERS: Readonly<Record<string, readonly [program: string, ...args: string[]]>> = {
  darwin: ['open'],
  linux: ['xdg-open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

/** Whether there is somewhere to show a page. */
export function hasBrowser(
  env: Readonly<Record<string, string | undefined>>,
  platform: string = process.platform,
): boolean {
  if (platform === 'linux') return Boolean(env['DISPLAY'] || env['WAYLAND_DISPLAY']);
  return Object.hasOwn(OPENERS, platform);
}

/** Whether it was started. One that is missing says so later, to nobody: the URL is printed, too. */
export function openBrowser(url: string, platform: string = process.platform): boolean {
  const [program, ...args] = OPENERS[platform] ?? [];
  if (program === undefined) return false;
  const child = spawn(program, [...args, url], { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
  return true;
}
