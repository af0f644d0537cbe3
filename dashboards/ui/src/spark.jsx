// Latency of the last readings, with its largest value written beside it; gaps where it was down.
import {latency} from './words.js';

const width = 96, height = 20;

export function Spark({points}) {
  if (points.length < 2) return <span class="spark" />;
  const largest = Math.max(...points.map((point) => point[1]));
  const from = points[0][0], span = points[points.length - 1][0] - from || 1;
  let path = '', pen = 'M';
  for (const [at, seconds, up] of points) {
    if (!up) {
      pen = 'M';
      continue;
    }
    path += `${pen}${((at - from) / span * width).toFixed(1)} ${(height - 1 - (largest ? seconds / largest : 0) * (height - 3)).toFixed(1)}`;
    pen = 'L';
  }
  return (
    <span class="spark" title={`last ${points.length} readings, at most ${latency(largest)}`}>
      <svg viewBox={`0 0 ${width} ${height}`} width={width} height={height} aria-hidden="true"><path d={path} /></svg>
      <span class="max">max {latency(largest)}</span>
    </span>
  );
}
