// Polls /_inbox once a second and puts what is new on top. Whatever came from outside goes in by textContent only.

const POLL_MS = 1000;
const SHOWN = 100;
const REASONS = {
  no_secret_known: 'not checked: no secret known',
  no_matching_signature: 'signature does not match',
  missing_header: 'not signed',
  repeated_header: 'a signed header came twice',
  invalid_timestamp: 'timestamp unreadable',
  timestamp_too_old: 'timestamp too old',
  timestamp_too_new: 'timestamp in the future',
  body_too_large: 'body too large',
};

const list = document.querySelector('#requests');
const empty = document.querySelector('#empty');
const emptyTitle = document.querySelector('#empty h2');
const counts = document.querySelector('#counts');
const link = document.querySelector('#link');
const template = document.querySelector('#request');

let run = '';
let latest = 0;

document.querySelector('#example').textContent =
  `curl ${location.origin}/ -H 'content-type: application/json' -d '{"type":"hello.world"}'`;

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function eventType(payload) {
  const type = payload?.type ?? payload?.event_type;
  return typeof type === 'string' ? type : '';
}

function verdict({ verified, reason }) {
  if (verified) return { state: 'verified', words: '✓ verified' };
  const words = REASONS[reason] ?? reason;
  return reason === 'no_secret_known' ? { state: 'unknown', words } : { state: 'refused', words: `✗ ${words}` };
}

function card(request) {
  const item = template.content.cloneNode(true);
  const put = (selector, text) => {
    item.querySelector(selector).textContent = text;
  };
  const payload = parsed(request.body);
  const received = new Date(request.receivedAt);
  const { state, words } = verdict(request);
  put('time', received.toLocaleTimeString());
  item.querySelector('time').dateTime = received.toISOString();
  item.querySelector('time').title = received.toLocaleString();
  put('.type', eventType(payload));
  put('.path', `${request.method} ${request.path}${request.query}`);
  put('.id', request.webhookId ?? '');
  put('.badge', words);
  item.querySelector('.badge').dataset.verdict = state;
  put('.body', (payload === undefined ? request.body : JSON.stringify(payload, null, 2)) || '(empty)');
  const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`);
  put('.headers', headers.join('\n'));
  return item;
}

function show(answer) {
  if (answer.run !== run) list.replaceChildren();
  run = answer.run;
  latest = answer.requests[0]?.sequence ?? latest;
  list.prepend(...answer.requests.map(card));
  while (list.children.length > SHOWN) list.lastElementChild.remove();
  const { total, verified } = answer.counts;
  empty.hidden = list.children.length > 0;
  emptyTitle.textContent = total === 0 ? 'No webhook yet' : 'This receiver was told to keep none (--record)';
  counts.textContent = total === 0 ? 'Waiting for the first webhook' : `${total} received, ${verified} verified`;
  document.title = `${total ? `(${total}) ` : ''}Inbox · Postrider receiver`;
}

async function ask(after) {
  const response = await fetch(`/_inbox?limit=${SHOWN}&after=${after}`);
  return response.json();
}

async function poll() {
  try {
    const answer = await ask(latest);
    // A receiver that was started again counts from 1: ask for all it has.
    const restarted = run !== '' && answer.run !== run;
    if (restarted) latest = 0;
    show(restarted ? await ask(0) : answer);
    link.dataset.state = 'live';
    link.textContent = 'live';
  } catch {
    link.dataset.state = 'lost';
    link.textContent = 'receiver not reachable';
  }
  setTimeout(poll, POLL_MS);
}

poll();
