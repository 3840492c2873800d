// Bounded concurrency: never more than `limit` promises in flight, results in the order of the items.

/** Like Promise.all(items.map(work)), with at most `limit` running. The first rejection stops new starts and is thrown. */
export async function mapBounded<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  let failed = false;
  const runner = async () => {
    while (!failed && next < items.length) {
      const index = next++;
      try {
        results[index] = await work(items[index] as T, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, runner));
  return results;
}

/** Like `mapBounded`, but a failure waits until nothing runs any more. Of several, that of the first item is thrown. */
export async function mapSettled<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const failures: { readonly index: number; readonly error: unknown }[] = [];
  const results = await mapBounded(items, limit, async (item, index) => {
    if (failures.length > 0) return [];
    try {
      return [await work(item, index)];
    } catch (error) {
      failures.push({ index, error });
      return [];
    }
  });
  const first = failures.sort((a, b) => a.index - b.index)[0];
  if (first !== undefined) throw first.error;
  return results.flat(1) as R[];
}
