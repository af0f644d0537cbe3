import {render} from 'preact';
import {useState} from 'preact/hooks';
import 'uplot/dist/uPlot.min.css';
import {Board} from './board.jsx';
import {Costly} from './costs.jsx';
import {Explore} from './explore.jsx';
import './style.css';

function chosenTheme() {
  try {
    return localStorage.getItem('theme');
  } catch {
    return null;
  }
}

/** The system's choice unless somebody chose here. */
function Theme() {
  const [theme, setTheme] = useState(chosenTheme());
  const dark = theme ? theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  if (theme) document.documentElement.dataset.theme = theme;
  const flip = () => {
    const next = dark ? 'light' : 'dark';
    try {
      localStorage.setItem('theme', next);
    } catch { /* a private window forgets; nothing is lost but the choice */ }
    document.documentElement.dataset.theme = next;
    setTheme(next);
  };
  return <button type="button" class="theme" onClick={flip} aria-label={dark ? 'Light colours' : 'Dark colours'}>{dark ? '○' : '●'}</button>;
}

function App() {
  const explore = location.pathname === '/graph';
  const costs = location.pathname === '/status/cardinality';
  return (
    <>
      <header>
        <a class="brand" href="/">vedette</a>
        <nav>
          <a href="/" aria-current={explore || costs ? undefined : 'page'}>Board</a>
          <a href="/#alerts">Alerts</a>
          <a href="/graph" aria-current={explore ? 'page' : undefined}>Explore</a>
          <a href="/status/cardinality" aria-current={costs ? 'page' : undefined}>Costs</a>
        </nav>
        <Theme />
      </header>
      {explore ? <Explore /> : costs ? <Costly /> : <Board />}
    </>
  );
}

render(<App />, document.getElementById('app'));
