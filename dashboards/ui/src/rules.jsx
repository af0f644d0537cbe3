// What watches over the targets: every rule with its expression, and with the words it is compiled from.
import {useState} from 'preact/hooks';
import {ask} from './ask.js';
import {count} from './words.js';

/** The rules of all groups; those in our own words with their PromQL in lines, as it is read best. */
async function load() {
  const {groups} = await ask('rules', {});
  const rules = groups.flatMap((group) => group.rules.map((rule) => ({...rule, group: group.name, key: `${group.file}\n${group.name}\n${rule.name}`})));
  return Promise.all(rules.map(async (rule) => rule.ownKey ? {...rule, query: await ask('format_query', {query: rule.query})} : rule));
}

/** What the last evaluation was and read; nothing before the first. */
function Cost({rule}) {
  if (rule.lastEvaluation.startsWith('0001')) return null;
  const parts = [`evaluated ${rule.lastEvaluation.slice(11, 19)} UTC`, `in ${(rule.evaluationTime * 1000).toPrecision(2)} ms`];
  if ('lastSamples' in rule) parts.push(count(rule.lastSamples, 'sample', 'samples'), `of ${rule.lastSeriesFetched} series`);
  return <p class="quiet">{parts.join(' · ')}</p>;
}

function Rule({rule}) {
  const state = rule.type === 'alerting' ? rule.state : 'recorded';
  return (
    <li class="rule">
      <p class="line">
        <span class={`state ${state}`}>{rule.type === 'alerting' && <i aria-hidden="true" />}{state}</span>
        <b>{rule.name}</b>
        <span class="quiet">{rule.group}</span>
        {rule.lastError && <span class="trouble">{rule.lastError}</span>}
        {rule.unmatched && <span class="trouble">{rule.unmatched}</span>}
      </p>
      {rule.ownKey && <p><code>{rule.ownKey}</code> <span class="quiet">compiles to</span></p>}
      <pre tabIndex="0" aria-label={`PromQL of ${rule.name}`}>{rule.query}</pre>
      <Cost rule={rule} />
    </li>
  );
}

export function Rules({total}) {
  const [rules, setRules] = useState([]);
  const [problem, setProblem] = useState('');
  const toggle = (event) => {
    if (event.currentTarget.open) load().then((found) => { setRules(found); setProblem(''); }, (error) => setProblem(error.message));
  };
  return (
    <details class="rules" id="rules" onToggle={toggle}>
      <summary><h2>Rules</h2> <span class="quiet">{count(total, 'rule', 'rules')}</span></summary>
      {problem && <p class="quiet">{problem}</p>}
      <ul>{rules.map((rule, index) => <Rule key={`${rule.key}\n${index}`} rule={rule} />)}</ul>
    </details>
  );
}
