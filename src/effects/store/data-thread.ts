// The program of a thread that reads data members (data-threads.ts): one file of its own in the bundle.

import { parentPort, workerData } from 'node:worker_threads';
import { Failure } from '../../base/failure.ts';
import { DataMemberReader } from './data-member.ts';
import type { ThreadAnswer, ThreadQuestion, ThreadStart, ThreadTrouble } from './data-threads.ts';

const buffers = (workerData as ThreadStart).buffers.map((shared) => new Uint8Array(shared));

const readers = new Map<number, DataMemberReader>();

parentPort?.on('message', (question: ThreadQuestion) => {
  const { id } = question;
  try {
    parentPort?.postMessage(answer(question) satisfies ThreadAnswer);
  } catch (error) {
    drop(id);
    parentPort?.postMessage({ id, trouble: troubleOf(error) } satisfies ThreadAnswer);
  }
});

function answer(question: ThreadQuestion): ThreadAnswer {
  const { id } = question;
  if ('files' in question) readers.set(id, new DataMemberReader(question.files, question.maxBytes));
  // Whatever comes after trouble is not looked at.
  else if ('buffer' in question) readers.get(id)?.push(bytesOf(question.buffer, question.sizeBytes));
  else if (question.end === 'drop') drop(id);
  else {
    const reader = readers.get(id);
    if (reader === undefined) return { id };
    const { trouble, ...member } = reader.finish();
    drop(id);
    return { id, member, ...(trouble && { trouble: troubleOf(trouble) }) };
  }
  return { id };
}

function bytesOf(buffer: number, sizeBytes: number): Uint8Array {
  return (buffers[buffer] as Uint8Array).subarray(0, sizeBytes);
}

function drop(id: number): void {
  readers.get(id)?.close();
  readers.delete(id);
}

function troubleOf(error: unknown): ThreadTrouble {
  if (error instanceof Failure) {
    const { code, message, hint, notes, data } = error;
    return { failure: { code, message, notes, data, ...(hint !== undefined && { hint }) } };
  }
  const { message, code, syscall } = error as NodeJS.ErrnoException;
  return { error: { message, ...(code !== undefined && { code }), ...(syscall !== undefined && { syscall }) } };
}
