// A question on the terminal whose answer is not shown. The question goes to stderr: stdout is for results.

import { Failure } from '../base/failure.ts';

const ENTER = /[\r\n]/;
const [CTRL_C, CTRL_D, BACKSPACE, DELETE] = ['\u0003', '\u0004', '\b', '\u007f'];

/** The line that is typed. Failure USAGE_ARGUMENTS for Ctrl-C and Ctrl-D. */
export async function askSecret(
  question: string,
  input: NodeJS.ReadStream = process.stdin,
  output: NodeJS.WritableStream = process.stderr,
): Promise<string> {
  output.write(question);
  input.setRawMode(true);
  input.setEncoding('utf8');
  input.resume();
  try {
    return await new Promise<string>((resolve, reject) => {
      let typed = '';
      const take = (text: string) => {
        for (const key of text) {
          if (key === CTRL_C || key === CTRL_D) return done(() => reject(noAnswer()));
          if (ENTER.test(key)) return done(() => resolve(typed));
          typed = key === BACKSPACE || key === DELETE ? [...typed].slice(0, -1).join('') : typed + key;
        }
      };
      const end = () => done(() => reject(noAnswer()));
      const done = (settle: () => void) => {
        input.off('data', take).off('end', end);
        settle();
      };
      input.on('data', take).on('end', end);
    });
  } finally {
    input.setRawMode(false);
    input.pause();
    output.write('\n');
  }
}

function noAnswer(): Failure {
  return new Failure('USAGE_ARGUMENTS', 'no password was given');
}
