// `stave show-config <config>`: the effective configuration as YAML (image-config.md 10).

import type { CommandRun } from '../session.ts';
import { sourceRequest } from '../source-request.ts';

export const runShowConfig: CommandRun = async (session, [config = ''], flags) => {
  const { showConfig } = await session.operations();
  const yaml = await showConfig(sourceRequest(config, flags), session.host);
  session.result({ yaml }, yaml);
  return 0;
};
