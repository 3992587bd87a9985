// What a customer does in their portal: says where they want their events. Prints the secret that signs them.
import { post } from './postrider.mjs';

const customer = process.argv[2] ?? 'acme';
const url = process.argv[3] ?? 'http://127.0.0.1:4500/webhooks';

await post('/v1/app', { uid: customer, name: customer }).catch((error) => {
  if (!error.message.includes(' 409 ')) throw error;
});
const { secret } = await post(`/v1/app/${customer}/endpoints`, { url, description: 'The example’s consumer' });
console.log(`export WEBHOOK_SECRET=${secret}`);
