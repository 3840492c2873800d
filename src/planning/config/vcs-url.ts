// The `vcs-url` of a configuration that lies in a git repository (image-config.md 6). Finding the repository is an effect.

/** `<remote>@<commit>` without user info; `user@host:path` becomes `git+ssh://host/path`. */
export function vcsUrlFromRemote(remote: string, commit: string): string {
  return `${publicRemote(remote)}@${commit}`;
}

function publicRemote(remote: string): string {
  // The last @ before the path ends the user info: passwords may hold one themselves.
  const url = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*@)?/i.exec(remote);
  if (url !== null) return `${url[1]}${remote.slice(url[0].length)}`;
  const shorthand = /^[^@/:\s]+@([^:/\s]+):(.*)$/.exec(remote);
  return shorthand === null ? remote : `git+ssh://${shorthand[1]}/${shorthand[2]}`;
}
