// `stave login [registry] -u USER --password-stdin` and `stave logout [registry]` (cli.md 2).

import { Failure } from '../../base/failure.ts';
import { type Flags, registryFlags, textFlag } from '../flags.ts';
import type { CommandRun, Session } from '../session.ts';
import { given } from '../source-request.ts';
import { printable } from '../ui/printable.ts';

export const runLogin: CommandRun = async (session, [registry], flags) => {
  const { login } = await session.operations();
  const user = textFlag(flags, 'username');
  if (user === undefined) throw new Failure('USAGE_FLAG', 'a login needs a user name', { hint: 'give it as -u USER' });
  const password = await passwordOf(session, flags);
  const request = { user, password, ...registryFlags(flags), ...given('registry', registry) };
  const report = await login(request, session.host);
  if (!report.checked) {
    const message = `${report.registry} lets everybody in: nobody has looked at the password`;
    session.host.events({ type: 'warning', code: 'LOGIN_UNCHECKED', message });
  }
  const place = report.helper === undefined ? session.shortPath(report.path) : `docker-credential-${report.helper}`;
  const text = `logged in to ${printable(report.registry)} as ${printable(report.user)}; kept by ${printable(place)}\n`;
  session.result(report, text);
  return 0;
};

export const runLogout: CommandRun = async (session, [registry]) => {
  const { logout } = await session.operations();
  const report = await logout(registry, session.host);
  const name = printable(report.registry);
  const done = report.removedFrom === undefined ? `was not logged in to ${name}` : `logged out of ${name}`;
  const still = report.stillFrom === undefined ? '' : `; ${printable(report.stillFrom)} still has credentials for it`;
  session.result(report, `${done}${still}\n`);
  return 0;
};

/** On the command line everybody on this machine may see it, and the shell remembers it. */
async function passwordOf(session: Session, flags: Flags): Promise<string> {
  const typed = textFlag(flags, 'password');
  const fromStdin = flags['passwordStdin'] === true;
  if (typed !== undefined && !fromStdin) {
    const message = 'a password on the command line can be seen by other users and stays in the history of your shell';
    const hint = 'use --password-stdin';
    session.host.events({ type: 'warning', code: 'PASSWORD_VISIBLE', message, hint });
    return typed;
  }
  if (fromStdin && typed === undefined) return await session.world.stdin();
  throw new Failure('USAGE_FLAG', 'a login needs a password, from one place', {
    hint: 'give it on standard input with --password-stdin',
  });
}
