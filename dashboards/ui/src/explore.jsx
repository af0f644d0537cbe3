// Where an alert's link leads: an expression, its values now, and the last hour as a picture.
import {useEffect, useRef, useState} from 'preact/hooks';
import uPlot from 'uplot';
import {ask} from './ask.js';

const palette = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7f7f7f'];
const series_shown = 20;

function nameOf(metric) {
  const {__name__: name = '', ...rest} = metric;
  const labels = Object.entries(rest).map(([label, value]) => `${label}="${value}"`).join(', ');
  return labels || !name ? `${name}{${labels}}` : name;
}

/** Columns on one time axis, as uPlot wants them. */
function columnsOf(result, start, end, step) {
  const times = [];
  for (let at = start; at <= end + 1e-6; at += step) times.push(at);
  const place = (at) => Math.round((at - start) / step);
  return [times, ...result.map((series) => {
    const column = new Array(times.length).fill(null);
    for (const [at, value] of series.values ?? []) column[place(at)] = Number.isFinite(+value) ? +value : null;
    return column;
  })];
}

function Chart({result, start, end, step}) {
  const box = useRef();
  useEffect(() => {
    const ink = getComputedStyle(document.documentElement).getPropertyValue('--ink-2');
    const axis = {stroke: ink, grid: {stroke: 'rgba(128,128,128,.18)', width: 1}, ticks: {show: false}};
    const width = () => box.current.clientWidth;
    const plot = new uPlot({
      width: width(), height: 280, axes: [axis, {...axis, size: 64}], legend: {show: false},
      series: [{}, ...result.map((series, index) => ({label: nameOf(series.metric), stroke: palette[index % palette.length], width: 1.5}))],
    }, columnsOf(result, start, end, step), box.current);
    const resize = () => plot.setSize({width: width(), height: 280});
    addEventListener('resize', resize);
    return () => {
      removeEventListener('resize', resize);
      plot.destroy();
    };
  }, [result]);
  return <div ref={box} class="chart" />;
}

export function Explore() {
  const [text, setText] = useState(new URLSearchParams(location.search).get('g0.expr') ?? '');
  const [answer, setAnswer] = useState(null);
  const [problem, setProblem] = useState('');
  const run = async (expression) => {
    if (!expression.trim()) return;
    history.replaceState(null, '', `/graph?g0.expr=${encodeURIComponent(expression)}`);
    const end = Math.floor(Date.now() / 1000), step = 15, start = end - 3600;
    try {
      const now = await ask('query', {query: expression});
      const range = now.resultType === 'vector' || now.resultType === 'scalar' ? await ask('query_range', {query: expression, start, end, step}) : {result: []};
      setAnswer({now, range: range.result.slice(0, series_shown), start, end, step});
      setProblem('');
    } catch (error) {
      setProblem(error.message);
    }
  };
  useEffect(() => { run(text); }, []);
  const rows = !answer ? [] : answer.now.resultType === 'vector' ? answer.now.result : [{metric: {}, value: answer.now.result}];
  return (
    <main>
      <form class="query" onSubmit={(event) => { event.preventDefault(); run(text); }}>
        <label for="expression">PromQL</label>
        <input id="expression" value={text} onInput={(event) => setText(event.target.value)} spellcheck={false} autocomplete="off" placeholder="sum by (job) (up)" />
        <button type="submit">Ask</button>
      </form>
      {problem && <pre class="problem" role="alert">{problem}</pre>}
      {answer && answer.range.length > 0 && <Chart result={answer.range} start={answer.start} end={answer.end} step={answer.step} />}
      {answer && (
        <table class="values">
          <caption class="quiet">{rows.length ? 'Now' : 'No series now'}</caption>
          <tbody>{rows.map((row, index) => <tr key={index}><td><code>{nameOf(row.metric)}</code></td><td class="number">{row.value?.[1] ?? JSON.stringify(row.histogram?.[1] ?? row.value)}</td></tr>)}</tbody>
        </table>
      )}
    </main>
  );
}
