// The service's side: tells one customer what becomes of their e-mails. How many e-mails: the first argument.
import { events } from './lives.mjs';
import { post } from './postrider.mjs';

const emails = Number(process.argv[2] ?? 20);
const customer = process.argv[3] ?? 'acme';

const sent = new Map();
for (const { id, type, payload } of events(emails)) {
  // The event's own id is its idempotency key: however often this is tried, there is one message of it.
  const { fanout } = await post(`/v1/app/${customer}/event`, { event_type: type, event_id: id, payload }, id);
  sent.set(type, (sent.get(type) ?? 0) + 1);
  console.log(`published ${type} to ${fanout} endpoint${fanout === 1 ? '' : 's'}`);
}
const total = [...sent.values()].reduce((sum, count) => sum + count, 0);
console.log(`${total} events of ${emails} e-mails: ${[...sent].map(([type, count]) => `${count} ${type}`).join(', ')}`);
