/** A line through points (x, y) by least squares: y = at + slope · x. */
export interface Line {
  readonly at: number;
  readonly slope: number;
}

export function leastSquares(points: readonly (readonly [number, number])[]): Line {
  const n = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n;
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = spread === 0 ? 0 : points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread;
  return { at: meanY - slope * meanX, slope };
}

/** The points as text, `width` columns of the mean of what falls into each; from 0, so that flat looks flat. */
export function plot(points: readonly (readonly [number, number])[], height = 12): string {
  const width = Math.min(72, points.length);
  const lastX = points.at(-1)?.[0] ?? 1;
  const columns = Map.groupBy(points, ([x]) => Math.min(width - 1, Math.floor((x / lastX) * width)));
  const means = Array.from({ length: width }, (_, column) => {
    const there = columns.get(column) ?? [];
    return there.length === 0 ? null : there.reduce((sum, [, y]) => sum + y, 0) / there.length;
  });
  const top = Math.max(...means.map((mean) => mean ?? 0), 1);
  const lines = Array.from({ length: height }, (_, row) => {
    const from = (top * (height - 1 - row)) / height;
    const bars = means.map((mean) => (mean !== null && mean > from ? '█' : ' ')).join('');
    return `${String(Math.round((top * (height - row)) / height)).padStart(6)} │${bars}`;
  });
  return [...lines, `     0 └${'─'.repeat(width)}`].join('\n');
}
