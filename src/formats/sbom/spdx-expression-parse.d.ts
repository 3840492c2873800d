// What we use of spdx-expression-parse, which brings no types: it throws where the text is no licence expression.

declare module 'spdx-expression-parse' {
  function parse(expression: string): unknown;
  export = parse;
}
