// No secret of a repository or key line is left in what the image shows.

import { expect, it } from 'vitest';
import { loadImageConfig } from '../../planning/config/load.ts';
import { validateImageConfig } from '../../planning/config/validate.ts';
import { publicConfig } from './public-config.ts';

const YAML = `contents:
  repositories: ['https://u:secret@h/a', '@edge https://secret@h/b', ./c]
  build_repositories: ['https://u:secret@h/d']
  runtime_repositories: ['https://h/e?access_token=secret&x=1']
  keyring: ['https://u:secret@h/k.rsa.pub?sig=secret', k.rsa.pub]
  packages: [app]
`;

const config = validateImageConfig(loadImageConfig('i.yaml', () => Buffer.from(YAML), []));

it('takes out user info and masks secret parameters', () => {
  expect(publicConfig(config).contents).toMatchObject({
    repositories: ['https://h/a', '@edge https://h/b', './c'],
    buildRepositories: ['https://h/d'],
    runtimeRepositories: ['https://h/e?access_token=xxxxx&x=1'],
    keyring: expect.arrayContaining(['https://h/k.rsa.pub?sig=xxxxx', 'k.rsa.pub']),
  });
});

it('changes nothing else', () => {
  const { contents, ...rest } = publicConfig(config);
  const { contents: before, ...restBefore } = config;
  expect(rest).toEqual(restBefore);
  expect(contents.packages).toEqual(before.packages);
});
