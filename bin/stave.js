#!/usr/bin/env node
const { start } = require('../dist/cli/start.cjs');

// What ends without an answer has not done what it was asked to do.
process.exitCode = 1;
start(process.argv.slice(2), `${__dirname}/../dist/cli/main.cjs`).then((exitCode) => {
  process.exitCode = exitCode;
});
