// The netrc file: `machine HOST login USER password PASS`, whitespace between tokens, `#` comments, `macdef` bodies.
// Pure text. Never honours `default`: credentials go only to hosts that somebody named (cli.md 3).

export interface NetrcEntry {
  readonly machine: string;
  readonly login: string;
  readonly password: string;
}

const TOKEN = /"((?:[^"\\]|\\.)*)"|(\S+)/g;

/** The entries with a machine name, in the order of the text. Unknown words are skipped: the file belongs to other programs too. */
export function parseNetrc(text: string): NetrcEntry[] {
  const entries: { machine: string; login: string; password: string }[] = [];
  const tokens = netrcTokens(text);
  let current: (typeof entries)[number] | undefined;
  for (let i = 0; i < tokens.length; i++) {
    const value = () => tokens[++i] ?? '';
    switch (tokens[i]) {
      case 'machine':
        current = { machine: value().toLowerCase(), login: '', password: '' };
        entries.push(current);
        break;
      case 'default':
        current = undefined;
        break;
      case 'login': {
        const login = value();
        if (current !== undefined) current.login = login;
        break;
      }
      case 'password': {
        const password = value();
        if (current !== undefined) current.password = password;
        break;
      }
      case 'account':
        i++;
        break;
    }
  }
  return entries;
}

/** All tokens, without comment lines and without macro bodies (which end at an empty line). */
function netrcTokens(text: string): string[] {
  const tokens: string[] = [];
  let inMacro = false;
  for (const line of text.split(/\r?\n/)) {
    if (inMacro) {
      inMacro = line.trim() !== '';
      continue;
    }
    // Only a line of its own is a comment: `#` is allowed inside passwords.
    if (line.trimStart().startsWith('#')) continue;
    for (const [, quoted, plain] of line.matchAll(TOKEN)) {
      if (plain === 'macdef') {
        inMacro = true;
        break;
      }
      tokens.push(quoted === undefined ? (plain ?? '') : quoted.replace(/\\(.)/g, '$1'));
    }
  }
  return tokens;
}
