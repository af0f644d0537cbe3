// How numbers and times read: one place, so that the page says the same thing everywhere.

/** Seconds as `310 ms`, `4.2 s`, `4 min`, `2 h 10 min`, `3 d`. */
export function duration(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 && hours < 10 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return hours % 24 && days < 10 ? `${days} d ${hours % 24} h` : `${days} d`;
}

/** A latency: two digits that matter below ten milliseconds. */
export function latency(seconds) {
  return seconds < 0.01 ? `${(seconds * 1000).toFixed(1)} ms` : duration(seconds);
}

export function ago(then, now) {
  const seconds = Math.max(0, now - then);
  return seconds < 1 ? 'just now' : `${duration(Math.floor(seconds))} ago`;
}

export function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], {hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false});
}

export function dayAndClock(seconds) {
  return new Date(seconds * 1000).toLocaleString([], {weekday: 'short', hour: '2-digit', minute: '2-digit', hour12: false});
}

/** `99.71 %`; 100 only when nothing was down, so that rounding never hides an outage. */
export function percent(share) {
  if (share === null || share === undefined) return '–';
  if (share === 1) return '100 %';
  return `${Math.min(99.99, Math.floor(share * 10000) / 100).toFixed(2)} %`;
}

export function count(number, one, many) {
  return `${number} ${number === 1 ? one : many}`;
}

/** Bytes as `512 B`, `4.2 MiB`. */
export function size(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  for (; bytes >= 1024 && unit < units.length - 1; ++unit) bytes /= 1024;
  return `${bytes < 10 && unit > 0 ? Math.round(bytes * 10) / 10 : Math.round(bytes)} ${units[unit]}`;
}

/** A probe with one target is called by its name, else each target says which it is. */
export function targetName(target, alone) {
  return alone ? target.probe : `${target.probe} ${target.instance}`;
}
