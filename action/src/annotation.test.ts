import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/base/failure.ts';
import type { ContractReport } from '../../src/planning/hardening/contract-report.ts';
import { failureAnnotation, findingAnnotations, warningAnnotation } from './annotation.ts';

const folders = { cwd: '/home/runner/repo/images', workspace: '/home/runner/repo' };
const at = (file: string) => ({ file, line: 3, column: 5, text: 'x' });

describe('failureAnnotation', () => {
  it.each([
    ['image.yaml', 'file=images/image.yaml,line=3,col=5,'],
    ['../base.yaml', 'file=base.yaml,line=3,col=5,'],
    ['/home/runner/repo/a,b.yaml', 'file=a%2Cb.yaml,line=3,col=5,'],
    ['../../other/image.yaml', ''],
    ['/etc/image.yaml', ''],
    ['../..repo/x', 'file=..repo/x,line=3,col=5,'],
  ])('at %s', (file, properties) => {
    const failure = new Failure('CONFIG_INVALID', 'bad', { where: at(file) });
    expect(failureAnnotation(failure, folders)).toBe(`::error ${properties}title=CONFIG_INVALID::bad\n`);
  });

  it('has notes and hint in its text, and no control character', () => {
    const failure = new Failure('SOLVE_CONFLICT', 'a\x1b[31m', { notes: ['- b', '  - 100%'], hint: 'c?' });
    expect(failureAnnotation(failure, folders)).toBe(
      '::error title=SOLVE_CONFLICT::a\\x1b[31m%0A- b%0A  - 100%25%0Ahint: c?\n',
    );
  });
});

describe('warningAnnotation', () => {
  it('is about the configuration unless it says where', () => {
    const warning = { code: 'W', message: 'm' };
    expect(warningAnnotation(warning, 'image.yaml', folders)).toBe('::warning file=images/image.yaml,title=W::m\n');
    const placed = { ...warning, where: at('b.yaml'), hint: 'h' };
    expect(warningAnnotation(placed, 'image.yaml', folders)).toBe(
      '::warning file=images/b.yaml,line=3,col=5,title=W::m%0Ahint: h\n',
    );
  });
});

describe('findingAnnotations', () => {
  it('says once what architectures share, errors first, and leaves out what was told as a warning with a place', () => {
    const finding = { reason: 'r', fix: 'f' } as const;
    const shell = { ...finding, check: 'minimal/shell', level: 'warning', message: 'sh' } as const;
    const user = {
      ...finding,
      check: 'locked/root-user',
      level: 'warning',
      message: 'root',
      where: at('image.yaml'),
    } as const;
    const broken = { ...finding, check: 'runs/library-missing', level: 'error', message: 'libx' } as const;
    const image = (arch: string, findings: ContractReport['images'][number]['findings']) =>
      ({ arch, findings }) as unknown as ContractReport['images'][number];
    const contract: ContractReport = {
      profile: 'default',
      findings: [],
      images: [image('amd64', [shell, user]), image('arm64', [shell, broken])],
      errors: 1,
      warnings: 3,
    };
    expect(findingAnnotations(contract, 'image.yaml', folders)).toEqual([
      '::error file=images/image.yaml,title=runs/library-missing::libx (arm64)%0Ahint: f\n',
      '::warning file=images/image.yaml,title=minimal/shell::sh (amd64, arm64)%0Ahint: f\n',
    ]);
  });
});
