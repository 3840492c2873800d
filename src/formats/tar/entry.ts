// The values of a tar archive: what a reader finds and a writer prints (layer-and-oci.md 9, apk-format.md 1).

/** ustar type flags that occur in packages and layers. Readers may meet others and say so. */
export const TAR_TYPE = {
  file: '0',
  hardLink: '1',
  symlink: '2',
  charDevice: '3',
  blockDevice: '4',
  directory: '5',
  fifo: '6',
} as const;

/** What a header says about one file, with any PAX records already applied. */
export interface TarHeader {
  /** As in the archive; UTF-8. Directories may or may not end in `/`. */
  readonly name: string;
  /** One character, see TAR_TYPE. */
  readonly type: string;
  /** Permission, setuid, setgid and sticky bits: 0..0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly uname: string;
  readonly gname: string;
  /** Seconds since 1970; may have a fraction (PAX). */
  readonly mtime: number;
  /** Bytes of content that follow the header; 0 for everything but regular files. */
  readonly size: number;
  readonly linkname: string;
  readonly devmajor: number;
  readonly devminor: number;
  /** PAX records of this entry, keys UTF-8, values as *byte strings* (one char a byte, `latin1`): xattrs are binary. */
  readonly pax: Readonly<Record<string, string>>;
}

/** A header met while reading. */
export interface TarEntry extends TarHeader {
  /** Offset of the content in the archive, in bytes. */
  readonly offset: number;
  /** Which magic the header had; scripts.tar keeps it (apk-format.md 5). */
  readonly magic: 'ustar' | 'gnu' | 'v7';
}
