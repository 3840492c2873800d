import { describe, expect, it } from 'vitest';
import { cycloneDxDocument, cycloneDxHashes, cycloneDxLicences, printCycloneDx } from './cyclonedx.ts';
import { parseLicence } from './licence.ts';

describe('cycloneDxLicences', () => {
  it.each([
    ['', undefined],
    ['NONE', undefined],
    ['mit', [{ license: { id: 'MIT' } }]],
    ['MIT OR ISC', [{ expression: 'MIT OR ISC' }]],
    ['Public Domain', [{ license: { name: 'Public Domain' } }]],
    ['MIT VSL', [{ expression: '(MIT AND LicenseRef-apk-VSL)' }]],
  ])('%j', (text, licences) => {
    expect(cycloneDxLicences(parseLicence(text))).toEqual(licences);
  });
});

describe('cycloneDxHashes', () => {
  it('keeps what is a digest by a known algorithm', () => {
    expect(
      cycloneDxHashes([
        { algorithm: 'SHA1', checksumValue: 'AB'.repeat(20) },
        { algorithm: 'SHA256', checksumValue: 'short' },
        { algorithm: 'ADLER32', checksumValue: '0'.repeat(32) },
      ]),
    ).toEqual([{ alg: 'SHA-1', content: 'ab'.repeat(20) }]);
  });
});

describe('cycloneDxDocument', () => {
  const document = (timestamp: string) =>
    cycloneDxDocument({
      metadata: { timestamp, tools: { components: [] }, component: { type: 'container', name: 'image' } },
      components: [],
      dependencies: [],
    });

  it('has a serial number that depends on its content only', () => {
    const { serialNumber } = document('2023-11-14T22:13:20Z');
    expect(serialNumber).toMatch(/^urn:uuid:[0-9a-f-]{36}$/);
    expect(document('2023-11-14T22:13:20Z').serialNumber).toBe(serialNumber);
    expect(document('2024-01-01T00:00:00Z').serialNumber).not.toBe(serialNumber);
  });

  it('is printed with the head first, and a final newline', () => {
    const text = printCycloneDx(document('2023-11-14T22:13:20Z'));
    expect(text).toMatch(
      /^\{\n {2}"\$schema": "http:\/\/cyclonedx\.org\/schema\/bom-1\.6\.schema\.json",\n {2}"bomFormat"/,
    );
    expect(text.endsWith('}\n')).toBe(true);
  });
});
