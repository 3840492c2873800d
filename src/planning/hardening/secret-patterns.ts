// Secrets in a text: keys and tokens by the form their issuers gave them, and values of secret-sounding names by their entropy.
// False alarms make people stop reading: a token needs its exact form, a value has to look random, and examples are let go.
// Must never hand out the secret itself: hits say what and where.

export interface SecretHit {
  readonly kind: 'private-key' | 'secret';
  /** What it is, with an article: `an AWS access key id`. */
  readonly what: string;
  /** From 1. */
  readonly line: number;
}

/** One expression for all forms: most files have none, and are left after one pass. */
const FORMS =
  /-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----|\b(?:A[KS]IA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{82}|glpat-[\w-]{20,}|xox[abeprs]-[0-9A-Za-z-]{20,}|[rs]k_live_[0-9A-Za-z]{24,}|AIza[\w-]{35}|npm_[A-Za-z0-9]{36}|pypi-AgEI[\w-]{50,}|SG\.[\w-]{22}\.[\w-]{43}|dckr_pat_[\w-]{27}|hf_[A-Za-z]{34}|AccountKey=[A-Za-z0-9+/]{86}==)(?![\w-])/g;

const ISSUERS: readonly (readonly [prefix: RegExp, what: string])[] = [
  [/^A[KS]IA/, 'an AWS access key id'],
  [/^gh[pousr]_|^github_pat_/, 'a GitHub token'],
  [/^glpat-/, 'a GitLab token'],
  [/^xox/, 'a Slack token'],
  [/^[rs]k_live_/, 'a Stripe key'],
  [/^AIza/, 'a Google API key'],
  [/^npm_/, 'an npm token'],
  [/^pypi-/, 'a PyPI token'],
  [/^SG\./, 'a SendGrid key'],
  [/^dckr_pat_/, 'a Docker token'],
  [/^hf_/, 'a Hugging Face token'],
  [/^AccountKey=/, 'an Azure storage key'],
];

/** More in one file say nothing new. */
const MAX_HITS = 20;

/** Keys and tokens with a form of their own, in any text; the first of a file. */
export function findTokens(text: string): SecretHit[] {
  const hits: SecretHit[] = [];
  for (const match of text.matchAll(FORMS)) {
    const hit = tokenHit(text, match[0], match.index);
    if (hit !== undefined && hits.push(hit) === MAX_HITS) break;
  }
  return hits;
}

function tokenHit(text: string, token: string, index: number): SecretHit | undefined {
  if (token.startsWith('-----')) {
    if (!hasKeyBody(text, index + token.length)) return undefined;
    return { kind: 'private-key', what: 'a private key', line: lineAt(text, index) };
  }
  const what = ISSUERS.find(([prefix]) => prefix.test(token))?.[1];
  if (what === undefined || isExample(token)) return undefined;
  return { kind: 'secret', what, line: lineAt(text, index) };
}

/** A key, not just talk of one: base64 follows, perhaps after headers, perhaps with escaped line ends as in JSON. */
function hasKeyBody(text: string, at: number): boolean {
  const following = text.slice(at, at + 2000).replace(/\\[nr]/g, '\n');
  const body = /^\s*(?:[A-Za-z-]+: [^\n]*\n\s*)*([A-Za-z0-9+/=\s]+)/.exec(following)?.[1] ?? '';
  const letters = body.replace(/\s/g, '');
  return letters.length >= 40 && entropyBits(letters) > 3.5;
}

/** `password = "..."`, `API_TOKEN: ...`: the end of a name that sounds secret, and what is given to it. */
const ASSIGNMENT =
  /((?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|auth)[\w.-]{0,32})["']?[ \t]*[=:][ \t]*(?:"([^"\n]{1,512})"|'([^'\n]{1,512})'|([^\s"'#;,]{1,512}))/gi;

const URL_PASSWORD = /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@"']{0,128}:([^\s/@"']{6,256})@/gi;

/**
 * Values that look random given to names that sound secret: for configuration files, environments and command histories,
 * where an assignment is one. Never for source code, whose variables are called like that too. The first of a file.
 */
export function findAssignedSecrets(text: string): SecretHit[] {
  const hits: SecretHit[] = [];
  for (const match of text.matchAll(ASSIGNMENT)) {
    const [, nameEnd = '', double, single, bare] = match;
    const nameStart = /[\w.-]*$/.exec(text.slice(Math.max(0, match.index - 64), match.index))?.[0] ?? '';
    const name = `${nameStart}${nameEnd}`;
    if (isInnocentName(name) || !looksRandom(double ?? single ?? bare ?? '')) continue;
    const what = `a value for "${name}" that looks like a secret`;
    if (hits.push({ kind: 'secret', what, line: lineAt(text, match.index) }) === MAX_HITS) return hits;
  }
  for (const match of text.matchAll(URL_PASSWORD)) {
    if (!looksChosen(match[1] as string)) continue;
    const hit = { kind: 'secret', what: 'a password in a URL', line: lineAt(text, match.index) } as const;
    if (hits.push(hit) === MAX_HITS) break;
  }
  return hits.toSorted((a, b) => a.line - b.line);
}

/** Not a placeholder such as `password` or `${PASS}`: people's passwords have digits or are long. */
function looksChosen(password: string): boolean {
  return (
    !/[${}<>%*]/.test(password) && !isExample(password) && /[0-9]|.{12}/.test(password) && !/^pass/i.test(password)
  );
}

/** Public halves, names of files and settings about secrets rather than secrets. */
function isInnocentName(name: string): boolean {
  return /public|pubkey|_?(?:file|path|dir|url|uri|name|id|type|method|algorithm|length|ttl|expir\w*|header|digest|sha\d*|checksum)$/i.test(
    name,
  );
}

const SHORTEST_SECRET = 12;

/** Twelve characters or more, of several kinds, spread as only a generator spreads them. */
function looksRandom(value: string): boolean {
  if (value.length < SHORTEST_SECRET || isExample(value)) return false;
  // Paths, URLs, references to variables and templates, words with blanks.
  if (/^[./~]|:\/\/|^\$|[{}<>()]|\s|%\w|^(?:env|file|vault|secret)[:/]/.test(value)) return false;
  const kinds = [/[a-z]/, /[A-Z]/, /[0-9]/].filter((kind) => kind.test(value)).length;
  const isHex = /^[0-9a-f]+$/i.test(value);
  if (kinds < 2 || (isHex && value.length < 32)) return false;
  // Dotted or dashed words ("com.example.Token2") have low entropy in each part.
  const wordy = value
    .split(/[-_.:/]/)
    .filter((part) => /^[A-Za-z]{3,}$/.test(part))
    .join('').length;
  return wordy < value.length / 2 && entropyBits(value) >= (isHex ? 3 : 3.2);
}

const EXAMPLE =
  /example|sample|dummy|placeholder|change.?me|your[-_]|redacted|x{4,}|\*{3,}|0{6,}|1234567|abcdef0|deadbeef|test/i;

function isExample(text: string): boolean {
  return EXAMPLE.test(text) || entropyBits(text) < 2.5;
}

/** Shannon entropy in bits a character. */
export function entropyBits(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < index; at = text.indexOf('\n', at + 1)) line++;
  return line;
}
