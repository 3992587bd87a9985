import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { type Config, ConfigError, readConfig } from '../apps/server/src/config.ts';
import { newApiKey } from '../apps/server/src/crypto/api-key.ts';
import { createLog } from '../apps/server/src/log.ts';
import { type Postrider, startPostrider } from '../apps/server/src/postrider.ts';
import { FolderInUseError } from '../apps/server/src/store/embedded/lock.ts';
import { type ReceivedRequest, type Receiver, startReceiver } from '../packages/receiver/src/index.ts';
import { firstDelivery } from './start/first-delivery.ts';
import { inboxLine } from './start/inbox-line.ts';

/**
 * `npm start`: Postrider on the embedded database with an inbox beside it, one message sent, delivered and verified, and
 * a curl line to send the next. For trying out and for developing; production is `npm run serve`.
 */
const INBOX_PORT = 4401;

try {
  await start();
} catch (error) {
  const isExpected = error instanceof ConfigError || error instanceof FolderInUseError || isPortInUse(error);
  if (!isExpected) throw error;
  const hint = isPortInUse(error) ? '; stop what listens there, or set POSTRIDER_PORT to another' : '';
  process.stderr.write(`postrider: ${error.message}${hint}\n`);
  process.exit(1);
}

async function start(): Promise<void> {
  let isTold = false;
  const inbox = await openInbox(() => isTold);
  const env = withInbox(process.env, inbox);
  const key = quickstartKey(readConfig(env));
  const postrider = await startPostrider(readConfig({ ...env, POSTRIDER_BOOTSTRAP_API_KEY: key }), createLog('warn'));
  if (!postrider.url) throw new ConfigError('POSTRIDER_ROLES', '`npm start` needs the api role');
  stopOnSignal(postrider, inbox);

  const first = await firstDelivery({ url: postrider.url, key, inbox });
  process.stdout.write(`
${styleText('bold', 'Postrider is running.')} It has just sent its first webhook:

  ${styleText('green', '✔')} ${first.eventType}  ${first.messageId}
    POST ${first.endpointUrl} → ${first.status} in ${first.durationMs} ms, attempt ${first.attempt}
    signature ${styleText('green', 'verified')} by the receiver

  API      ${postrider.url}/v1
  Docs     ${postrider.url}/docs    read the API and try it
  Inbox    ${inbox.url}/     open it and watch webhooks arrive
  API key  ${key}

Send one yourself:

  curl -s ${postrider.url}/v1/messages -H 'authorization: Bearer ${key}' -H 'content-type: application/json' -d '{"event_type":"invoice.paid","payload":{"id":"inv_1","amount":1250}}'

Stop with Ctrl-C. What arrives in the inbox:
`);
  isTold = true;
}

/** The receiver that stands for a customer. Prints what arrives, once the first delivery has been told of. */
async function openInbox(isTold: () => boolean): Promise<Receiver> {
  const options = {
    onRequest: (request: ReceivedRequest) => {
      if (isTold()) process.stdout.write(inboxLine(request));
    },
  };
  // Any other port will do where ours is taken: the endpoint is told.
  return startReceiver({ port: INBOX_PORT, ...options }).catch(() => startReceiver(options));
}

/** The inbox is on loopback and speaks http: for it alone the address policy makes an exception. */
function withInbox(env: NodeJS.ProcessEnv, inbox: Receiver): NodeJS.ProcessEnv {
  const allowed = [env.POSTRIDER_EGRESS_ALLOW, `127.0.0.1:${inbox.port}`].filter(Boolean).join(',');
  return { ...env, POSTRIDER_EGRESS_ALLOW: allowed, POSTRIDER_EGRESS_HTTP: '1' };
}

/** The same key on every start, so that yesterday's curl line still works. */
function quickstartKey(config: Config): string {
  if (config.bootstrapApiKey) return config.bootstrapApiKey;
  const file = join(config.dataDir, 'quickstart.key');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    const key = newApiKey('test');
    mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
    writeFileSync(file, `${key}\n`, { mode: 0o600 });
    return key;
  }
}

function stopOnSignal(postrider: Postrider, inbox: Receiver): void {
  let isStopping = false;
  const stop = async () => {
    if (isStopping) process.exit(1);
    isStopping = true;
    await postrider.stop();
    await inbox.close();
    process.exit(0);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

function isPortInUse(error: unknown): error is Error {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
}
