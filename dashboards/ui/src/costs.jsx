// Who costs what: series by job, metric and label, what is used of each budget, and who was refused.
import {useEffect, useState} from 'preact/hooks';
import {ago, count, size} from './words.js';

const refresh_ms = 10_000;

const pressures = {
  none: ['There is room', ''],
  greedy_jobs: ['Room is getting short', 'New series of jobs with more than an even share are refused.'],
  extras: ['Memory is short', 'New series of greedy jobs, exemplars and new metadata are refused.'],
  queries: ['Memory is short', 'New series of greedy jobs, exemplars and queries are refused; rules go on.'],
  ordinary: ['Memory is full', 'New series, remote write, queries and the pages of greedy jobs are refused; rules go on.'],
  readings: ['Memory is full', 'Everything is refused but rules, probes and up.'],
};

const limits = {
  series_max: 'series in all', job_series_max: 'series of a job', even_share: 'even share', head_bytes_max: 'memory',
  labels_max: 'labels of a series', label_name_bytes_max: 'length of a label name', label_value_bytes_max: 'length of a label value',
  labels_bytes_max: 'length of all labels', metadata_metrics_max: 'metrics described', shed_metadata: 'memory, metadata',
  disk_free_min: 'free space', not_utf8: 'not UTF-8', no_labels: 'no labels',
};

const budgets = {
  'storage.head_bytes_max': 'Memory', 'storage.series_max': 'Series', 'storage.job_series_max': 'Largest job', 'storage.retention_bytes': 'Disk',
};

const amount = (value, unit) => unit === 'bytes' ? size(value) : value.toLocaleString('en');

function Budget({budget}) {
  const share = budget.max ? budget.used / budget.max : 0;
  const state = share >= 0.8 ? (share >= 1 ? 'down' : 'degraded') : '';
  return (
    <tr>
      <th scope="row">{budgets[budget.name]} <code>{budget.name}</code></th>
      <td class="number">{amount(budget.used, budget.unit)}</td>
      <td class="number">{budget.max ? amount(budget.max, budget.unit) : 'no limit'}</td>
      <td class={`number ${state}`}>{budget.max ? `${Math.floor(share * 100)} %` : '–'}</td>
    </tr>
  );
}

/** Names with a number, and a bar as long as the number beside the largest. */
function Costs({title, about, entries, unit}) {
  const most = Math.max(1, ...entries.map((entry) => entry.value));
  return (
    <section class="costs">
      <h2>{title}</h2>
      <p class="quiet">{about}</p>
      {entries.length === 0 && <p class="quiet">None yet.</p>}
      <ul>
        {entries.map((entry) => (
          <li key={entry.name}>
            <code>{entry.name}</code><span class="number">{amount(entry.value, unit)}</span>
            <i aria-hidden="true" style={{width: `${Math.max(0.5, entry.value / most * 100)}%`}} />
          </li>
        ))}
      </ul>
    </section>
  );
}

const named = (jobs, cost) => jobs.filter((job) => job[cost] > 0).map((job) => ({name: job.job || 'without a job', value: job[cost]}));

function Refused({refused, now}) {
  return (
    <section class="costs" aria-labelledby="refused">
      <h2 id="refused">Refused</h2>
      {refused.length === 0 && <p class="quiet">Nobody was refused anything since the start.</p>}
      <ul>
        {refused.map((one) => (
          <li key={`${one.limit}\n${one.job}`}>
            <span><b>{one.job || 'without a job'}</b> · {limits[one.limit] ?? one.limit}<br />
              <span class="quiet">{one.metric && <code>{one.metric}</code>} {ago(one.last, now)}</span></span>
            <span class="number">{count(one.times.toLocaleString('en'), 'time', 'times')}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function useCosts() {
  const [state, setState] = useState({costs: null, problem: ''});
  useEffect(() => {
    let closed = false;
    const load = async () => {
      try {
        const answer = await fetch('/api/vedette/v1/cardinality?limit=15');
        if (!answer.ok) throw new Error(answer.status === 401 ? 'please log in' : `the server answered ${answer.status}`);
        const {data} = await answer.json();
        if (!closed) setState({costs: data, problem: ''});
      } catch (error) {
        if (!closed) setState((before) => ({...before, problem: error instanceof TypeError ? 'vedette does not answer' : error.message}));
      }
    };
    load();
    const timer = setInterval(load, refresh_ms);
    return () => {
      closed = true;
      clearInterval(timer);
    };
  }, []);
  return state;
}

export function Costly() {
  const {costs, problem} = useCosts();
  if (!costs) return <main class="waiting quiet">{problem || 'asking'}</main>;
  const [headline, words] = pressures[costs.pressure] ?? [costs.pressure, ''];
  const short = costs.disk.free !== null && costs.disk.free < costs.disk.free_min;
  return (
    <main>
      <div class={`headline ${costs.pressure !== 'none' || short ? 'wrong' : ''}`}>
        <div class="line">
          <h1>{headline}</h1>
          <span class="quiet">{problem || `${count(costs.series.toLocaleString('en'), 'series', 'series')} of ${count(costs.jobs_count, 'job', 'jobs')}`}</span>
        </div>
        {words && <p>{words}</p>}
        {short && <p>The disk is nearly full: {size(costs.disk.free)} are free. Remote write is refused until there are {size(costs.disk.free_min)}.</p>}
      </div>
      <table class="budgets">
        <caption>What is used</caption>
        <thead><tr><td /><th class="number" scope="col">used</th><th class="number" scope="col">limit</th><th class="number" scope="col">share</th></tr></thead>
        <tbody>{costs.budgets.map((budget) => <Budget key={budget.name} budget={budget} />)}</tbody>
      </table>
      <Refused refused={costs.refused} now={Date.now() / 1000} />
      <div class="columns">
        <Costs title="Jobs by series" about="Series in memory." entries={named(costs.jobs, 'series')} />
        <Costs title="Jobs by churn" about="Series begun in the last half hour to hour." entries={named(costs.jobs_by_churn, 'made_lately')} />
        <Costs title="Metrics by series" about="Metric names with most series." entries={costs.metrics} />
        <Costs title="Pairs by series" about="A label with one of its values." entries={costs.pairs} />
        <Costs title="Labels by values" about="Label names with most different values." entries={costs.labels_by_values} />
        <Costs title="Labels by memory" about="Names and values of all series, about." entries={costs.labels_by_bytes} unit="bytes" />
      </div>
    </main>
  );
}
