// Readings over the last day: one element a target, painted with two gradients, so that five hundred
// rows are five hundred elements. What was down stands taller than what was up: not by colour alone.
import {useState} from 'preact/hooks';
import {dayAndClock, percent} from './words.js';

const bar_seconds = 1800;

function kind([up, down]) {
  if (up + down === 0) return 'none';
  if (down === 0) return 'up';
  return up === 0 ? 'down' : 'some';
}

const colour = {none: 'var(--bar-none)', up: 'var(--bar-up)', some: 'var(--degraded)', down: 'var(--down)'};

/** `colour 0% 1.7%, transparent 1.7% 2.08%, …` for the bars that `wanted` takes. */
function gradient(bars, wanted) {
  const width = 100 / bars.length;
  const stops = bars.map((bar, index) => {
    const paint = wanted(kind(bar)) ? colour[kind(bar)] : 'transparent';
    const from = index * width, to = from + width * 0.72;
    return `${paint} ${from.toFixed(2)}% ${to.toFixed(2)}%, transparent ${to.toFixed(2)}% ${(from + width).toFixed(2)}%`;
  });
  return `linear-gradient(to right, ${stops.join(', ')})`;
}

function sentence(bar, index, bars, now) {
  const end = (Math.floor(now / bar_seconds) + 1) * bar_seconds;
  const from = end - (bars.length - index) * bar_seconds;
  const [up, down] = bar;
  const when = `${dayAndClock(from)} – ${dayAndClock(from + bar_seconds).split(' ').pop()}`;
  if (up + down === 0) return `${when}: nothing known`;
  if (down === 0) return `${when}: up, ${up} readings`;
  return `${when}: ${percent(up / (up + down))} up, ${down} of ${up + down} readings down`;
}

export function Bars({bars, now, name}) {
  const [at, setAt] = useState(-1);
  const tall = gradient(bars, (word) => word === 'down' || word === 'some');
  const low = gradient(bars, (word) => word === 'up' || word === 'none');
  const point = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    setAt(Math.max(0, Math.min(bars.length - 1, Math.floor((event.clientX - box.left) / box.width * bars.length))));
  };
  const step = (event) => {
    const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (!by) return;
    event.preventDefault();
    setAt((before) => Math.max(0, Math.min(bars.length - 1, (before < 0 ? bars.length : before) + by)));
  };
  const downs = bars.filter((bar) => bar[1] > 0).length;
  return (
    <div class="bars" role="img" tabIndex={0} aria-label={`${name}, last 24 hours: ${downs ? `down in ${downs} of ${bars.length} half hours` : 'never down'}`}
      style={{backgroundImage: `${tall}, ${low}`}} onPointerMove={point} onPointerDown={point} onPointerLeave={() => setAt(-1)}
      onKeyDown={step} onBlur={() => setAt(-1)} onClick={(event) => event.stopPropagation()}>
      {at >= 0 && <span class="tip" style={{left: `${Math.min(78, (at + 0.5) / bars.length * 100)}%`}}>{sentence(bars[at], at, bars, now)}</span>}
    </div>
  );
}
