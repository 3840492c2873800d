// Sizes, counts and times for people.

/** `512 B`, `1.5 KiB`, `38.2 MiB`. */
export function printSize(sizeBytes: number): string {
  if (sizeBytes < 1024) return `${sizeBytes} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = sizeBytes / 1024;
  let unit = 0;
  // 1023.95 would print as 1024.0: step up one unit before that.
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}

/** `7 ms`, `1.2 s`, `2 min 5 s`. */
export function printDuration(timeMs: number): string {
  if (timeMs < 999.5) return `${Math.round(timeMs)} ms`;
  if (timeMs < 59_950) return `${(timeMs / 1000).toFixed(1)} s`;
  const seconds = Math.round(timeMs / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** `1 package`, `12 packages`. */
export function printCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
