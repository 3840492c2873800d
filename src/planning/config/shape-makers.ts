// Short forms for the shapes that a schema is mostly made of.

import type { TextShape } from './shape.ts';

export const text = <const Rest extends object>(doc: string, rest: Rest = {} as Rest) =>
  ({ kind: 'text', doc, ...rest }) as const;

export const texts = (doc: string, of: TextShape = { kind: 'text', doc: '' }) => ({ kind: 'list', doc, of }) as const;
