// Names that editors and package managers give to what they have put aside.

export const BACKUP_NAME =
  /(?:~|\.(?:apk-new|apk-old|dpkg-(?:new|old|dist|tmp)|rpm(?:save|new|orig)|bak|swp|orig|rej))$/;

/** The last letters of all those names: they spare most others the expression. */
export const BACKUP_ENDS: ReadonlySet<number> = new Set([...'~wdtpegkj'].map((letter) => letter.charCodeAt(0)));
