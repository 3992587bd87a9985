// The customer's side: takes webhooks, makes sure of who sent them, and prints what happened.
import { createServer } from 'node:http';
import { verify, WebhookVerificationError } from '@postrider/webhook';

const secret = process.env.WEBHOOK_SECRET;
const port = Number(process.env.PORT ?? 4500);
if (!secret) throw new Error('set WEBHOOK_SECRET to what the endpoint was made with');

// A delivery may come more than once, always with the same id. In earnest this would be a unique column in the database.
const seen = new Set();

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  try {
    // The bytes as they came: parsed and printed again they would be others.
    const { id } = verify(body, request.headers, secret);
    if (!seen.has(id)) handle(id, JSON.parse(body.toString()));
    seen.add(id);
    response.writeHead(204).end();
  } catch (error) {
    const isForged = error instanceof WebhookVerificationError;
    console.log(isForged ? `refused: ${error.code}` : `failed: ${error.message}`);
    // Whatever is not a 2xx is tried again; what is forged is nobody's to try.
    response.writeHead(isForged ? 401 : 500).end();
  }
});

function handle(id, { type, data }) {
  const about = data.recipient ?? data.email ?? data.name ?? data.to?.join(', ') ?? '';
  console.log(`verified ${id} ${type} ${about}`.trimEnd());
}

server.listen(port, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/webhooks`);
});
