// `stave dot <config>`: the dependencies of the first architecture as a Graphviz graph (cli.md 2).

import type { CommandRun } from '../session.ts';
import { sourceRequest } from '../source-request.ts';
import { printable } from '../ui/printable.ts';

export const runDot: CommandRun = async (session, [config = ''], flags) => {
  const { drawDependencies } = await session.operations();
  const request = { ...sourceRequest(config, flags), spanningTree: flags['spanningTree'] === true };
  const dot = await drawDependencies(request, session.host);
  session.result({ dot }, printable(dot));
  return 0;
};
