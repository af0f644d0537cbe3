// The board's facts, kept fresh: one document for the first paint, events for what changes.
import {useEffect, useState} from 'preact/hooks';

const bars_refresh_ms = 60_000;
const latency_points = 60;

const key = (one) => `${one.probe}\n${one.instance}`;

/** The newest bar counts the new reading, so that bars and share move with what is seen. */
function countReading(target, up) {
  const bars = target.bars.map((bar, index) => index < target.bars.length - 1 ? bar : [bar[0] + (up ? 1 : 0), bar[1] + (up ? 0 : 1)]);
  const good = bars.reduce((sum, bar) => sum + bar[0], 0), bad = bars.reduce((sum, bar) => sum + bar[1], 0);
  return {bars, availability: good / (good + bad)};
}

function mergeReadings(board, readings) {
  const fresh = new Map(readings.map((reading) => [key(reading), reading]));
  const targets = board.targets.map((target) => {
    const reading = fresh.get(key(target));
    if (!reading || reading.latest.at === target.latest?.at) return target;
    const up = reading.state === 'up';
    const point = [reading.latest.at, reading.latest.seconds, up];
    return {...target, ...reading, ...countReading(target, up), latency: [...target.latency, point].slice(-latency_points)};
  });
  return {...board, targets};
}

/** Whether a target is in another state than the board says: then there is more to fetch than a reading. */
function changesState(board, readings) {
  const known = new Map(board.targets.map((target) => [key(target), target.state]));
  return readings.some((reading) => known.has(key(reading)) && known.get(key(reading)) !== reading.state);
}

/** {board, problem, updated}: `problem` says in words why nothing fresh arrives. */
export function useBoard() {
  const [state, setState] = useState({board: null, problem: '', updated: 0});
  useEffect(() => {
    let closed = false;
    const load = async () => {
      try {
        const answer = await fetch('/api/vedette/v1/board');
        if (!answer.ok) throw new Error(answer.status === 401 ? 'please log in' : `the server answered ${answer.status}`);
        const board = await answer.json();
        if (!closed) setState({board, problem: '', updated: Date.now() / 1000});
      } catch (error) {
        if (!closed) setState((before) => ({...before, problem: error instanceof TypeError ? 'vedette does not answer' : error.message}));
      }
    };
    load();
    const events = new EventSource('/api/vedette/v1/events');
    const take = (change) => (event) => setState((before) => before.board ? {
      board: change(before.board, JSON.parse(event.data)), problem: '', updated: Date.now() / 1000,
    } : before);
    events.addEventListener('readings', take((board, readings) => {
      if (changesState(board, readings)) load();
      return mergeReadings(board, readings);
    }));
    events.addEventListener('alerts', take((board, alerts) => ({...board, alerts})));
    events.addEventListener('reload', load);
    events.onerror = () => setState((before) => ({...before, problem: 'vedette does not answer'}));
    events.onopen = load;
    const timer = setInterval(load, bars_refresh_ms);
    return () => {
      closed = true;
      clearInterval(timer);
      events.close();
    };
  }, []);
  return state;
}

/** Seconds since 1970, anew every second. */
export function useNow() {
  const [now, setNow] = useState(Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
