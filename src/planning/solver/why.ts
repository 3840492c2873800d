// Why is a package in the solution? Chains of dependencies from the wishes to it (wish 5). Plain values and their text.

import { compareBytes } from '../../base/order.ts';
import { parseDependency } from '../../formats/apk/dependency.ts';
import type { IndexRecord } from '../../formats/apk/index-record.ts';
import { fulfils } from './matching.ts';

interface WhyChain {
  /** The wish at the beginning; `''` when only install_if brings the package in. */
  readonly wish: string;
  /** From the package that fulfils the wish to the one asked about. */
  readonly steps: readonly WhyStep[];
}

interface WhyStep {
  /** `name-version` */
  readonly package: string;
  /** The wish, dependency or install_if items that this package fulfils for the step before. */
  readonly because: string;
}

export interface Why {
  readonly name: string;
  /** `name-version` of the installed packages that have or provide the name; empty: it is not in the solution. */
  readonly packages: readonly string[];
  /** The shortest chain for each wish that leads there, shortest first. */
  readonly chains: readonly WhyChain[];
}

/** Packages of a solution need only a record here: a lock's own list will do. */
export function why(
  packages: readonly { readonly record: IndexRecord }[],
  wanted: readonly string[],
  name: string,
): Why {
  const records = packages.map(({ record }) => record);
  const dependency = parseDependency(name);
  const targets = records.filter((record) => fulfils(record, dependency));
  const wishes = [...new Set(wanted)].filter((wish) => !wish.startsWith('!')).sort(compareBytes);
  const chains = wishes.flatMap((wish) => shortestChain(records, wish, new Set(targets)) ?? []);
  const triggered = targets.filter((record) => chains.length === 0 && record.installIf.length > 0);
  for (const record of triggered) {
    chains.push({ wish: '', steps: [{ package: label(record), because: `install_if ${record.installIf.join(' ')}` }] });
  }
  chains.sort((a, b) => a.steps.length - b.steps.length || compareBytes(a.wish, b.wish));
  return { name, packages: targets.map(label), chains };
}

/** Breadth-first from what fulfils the wish. */
function shortestChain(
  records: readonly IndexRecord[],
  wish: string,
  targets: ReadonlySet<IndexRecord>,
): WhyChain | undefined {
  const cameFrom = new Map<IndexRecord, { readonly parent: IndexRecord | undefined; readonly because: string }>();
  const queue: IndexRecord[] = [];
  const reach = (text: string, parent: IndexRecord | undefined) => {
    const dependency = parseDependency(text);
    if (dependency.negated) return;
    for (const record of records) {
      if (cameFrom.has(record) || !fulfils(record, dependency)) continue;
      cameFrom.set(record, { parent, because: text });
      queue.push(record);
    }
  };
  reach(wish, undefined);
  for (const record of queue) {
    if (!targets.has(record)) {
      for (const text of record.depends) reach(text, record);
      continue;
    }
    const steps: WhyStep[] = [];
    for (let at: IndexRecord | undefined = record; at !== undefined; at = cameFrom.get(at)?.parent) {
      steps.unshift({ package: label(at), because: cameFrom.get(at)?.because ?? '' });
    }
    return { wish, steps };
  }
  return undefined;
}

function label(record: IndexRecord): string {
  return `${record.name}-${record.version}`;
}

/** The text for people, without a final newline. */
export function printWhy({ name, packages, chains }: Why): string {
  if (packages.length === 0) return `"${name}" is not installed`;
  const [first, ...others] = packages;
  const head = name === first ? '' : `"${name}" is ${[first, ...others].join(', ')}\n`;
  if (chains.length === 0) return `${head}nothing that is wished for leads to it`;
  const texts = chains.map(({ wish, steps }) => {
    const start = wish === '' ? '' : `wish ${wish}\n`;
    return start + steps.map((step, depth) => `${'  '.repeat(depth + 1)}${printStep(step, depth, wish)}`).join('\n');
  });
  return head + texts.join('\n');
}

function printStep({ package: name, because }: WhyStep, depth: number, wish: string): string {
  if (wish === '') return `${name} (${because})`;
  return depth === 0 ? name : `needs ${because}: ${name}`;
}
