// The log of the step: plain text, and commands that the runner obeys. Nothing else writes to it.

import { plainText, printCommand } from './workflow-command.ts';

export interface JobLog {
  /** Whole lines of text from anywhere. */
  text(lines: string): void;
  /** What `printCommand` made; the same one is written once. */
  command(line: string): void;
  /** Everything logged by `work`, behind a title that opens. */
  group<T>(title: string, work: () => Promise<T>): Promise<T>;
  /** From here on the runner shows `***` instead. */
  mask(secret: string): void;
}

export function createJobLog(write: (text: string) => void): JobLog {
  const said = new Set<string>();
  return {
    text: (lines) => write(plainText(lines)),
    command: (line) => {
      if (said.has(line)) return;
      said.add(line);
      write(line);
    },
    group: async (title, work) => {
      write(printCommand('group', title));
      try {
        return await work();
      } finally {
        write(printCommand('endgroup', ''));
      }
    },
    // The runner hides every line of a secret of several lines as well.
    mask: (secret) => write(printCommand('add-mask', secret)),
  };
}
