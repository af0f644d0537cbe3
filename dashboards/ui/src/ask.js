// One question to Prometheus's API: its data, or an error in its words.
export async function ask(path, parameters) {
  const answer = await fetch(`/api/v1/${path}?${new URLSearchParams(parameters)}`);
  const body = await answer.json();
  if (body.status !== 'success') throw new Error(body.error);
  return body.data;
}
