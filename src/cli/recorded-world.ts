// For tests: a world whose streams are texts, whose clock is counted, and whose operations are the test's own.

import type { Operations } from './operations.ts';
import type { TextSink, World } from './world.ts';

export interface RecordedSink extends TextSink {
  text: string;
}

export function recordedSink(isTTY = false, columns = 80): RecordedSink {
  return {
    text: '',
    isTTY,
    columns,
    write(text: string) {
      this.text += text;
    },
  };
}

export interface RecordedWorld extends World {
  readonly stdout: RecordedSink;
  readonly stderr: RecordedSink;
}

/** The clock advances by one millisecond each time it is read. Operations that are not given must not be called. */
export function recordedWorld(
  given: Partial<World> & { doing?: Partial<Operations>; terminal?: boolean } = {},
): RecordedWorld {
  const { doing = {}, terminal = false, ...rest } = given;
  let time = 0;
  return {
    env: {},
    cwd: '/',
    hostArch: 'x64',
    hostPlatform: 'linux',
    homeDir: '/home/u',
    now: () => time++,
    stdin: async () => '',
    untilInterrupted: async () => {},
    operations: async () => doing as Operations,
    ...rest,
    stdout: recordedSink(terminal),
    stderr: recordedSink(terminal),
  };
}
