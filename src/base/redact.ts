// Takes credentials out of URLs and texts before they reach any output (wish 9: secrets never leak).
// Must never be the only guard: outputs (lock, layer, SBOM) get URLs that `stripCredentials` has already cleaned.

/** User info ends at the last `@` before the path: a password may itself hold `@`, `:` or quotes. */
const URL_WITH_USERINFO = /\b([a-z][a-z0-9+.-]*:\/\/)([^\s/?#]*)@/gi;
const SECRET_PARAMETER =
  /([?&](?:[^=&\s]*(?:token|secret|password|signature|sig|credential|api[-_]?key)[^=&\s]*)=)[^&\s"']+/gi;

/** The text with the user info and secret-looking query parameters of every URL in it replaced by `xxxxx`. */
export function redactText(text: string): string {
  return text.replace(URL_WITH_USERINFO, '$1xxxxx@').replace(SECRET_PARAMETER, '$1xxxxx');
}

/** The URL (or `@tag URL` line, or path) without user info. Texts without user info come back unchanged. */
export function stripCredentials(url: string): string {
  return url.replace(URL_WITH_USERINFO, '$1');
}

/** The user info of a URL, decoded, or undefined where there is none. */
export function urlCredentials(url: string): { readonly user: string; readonly password: string } | undefined {
  const match = /^(?:@\S+\s+)?[a-z][a-z0-9+.-]*:\/\/([^\s/?#]*)@/i.exec(url);
  if (match === null) return undefined;
  const [user = '', ...rest] = (match[1] ?? '').split(':');
  return { user: decodeComponent(user), password: decodeComponent(rest.join(':')) };
}

function decodeComponent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A stray % is the user's own character.
  }
}
