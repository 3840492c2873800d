// Zstandard without compression: one frame of stored blocks (RFC 8878, 3.1.1). For tests on a Node that cannot compress.

const MOST_BLOCK_BYTES = 128 * 1024;

export function storedZstd(bytes: Uint8Array): Buffer {
  const header = Buffer.from('28b52ffda000000000', 'hex');
  header.writeUInt32LE(bytes.length, 5);
  const parts = [header];
  for (let at = 0; at === 0 || at < bytes.length; at += MOST_BLOCK_BYTES) {
    const block = bytes.subarray(at, at + MOST_BLOCK_BYTES);
    const isLast = at + MOST_BLOCK_BYTES >= bytes.length;
    const blockHeader = Buffer.alloc(3);
    blockHeader.writeUIntLE((block.length << 3) | Number(isLast), 0, 3);
    parts.push(blockHeader, Buffer.from(block));
  }
  return Buffer.concat(parts);
}
