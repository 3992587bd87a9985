import { startCanary } from '@postrider/receiver';
import { expect, test } from 'vitest';
import { type Attempt, attemptsOf, createEndpoint, sendTo, settled } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

/** Names and what a name server somebody else controls says they are. */
const ADDRESSES: Record<string, string[]> = {
  'loopback.example.com': ['127.0.0.1'],
  'one-of-two.example.com': ['8.8.8.8', '10.0.0.1'],
  'mapped.example.com': ['::ffff:7f00:1'],
  'loopback6.example.com': ['::1'],
  'metadata.example.com': ['169.254.169.254'],
  'zero.example.com': ['0.0.0.0'],
};

const resolve = async (name: string) => {
  const addresses = ADDRESSES[name];
  if (!addresses) throw new Error(`${name} has no address here`);
  return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
};

onBothDatabases('a delivery that would lead inside', (kind) => {
  const stage = stageOn(kind, { env: { POSTRIDER_EGRESS_ALLOW: '' }, substitutes: { resolve } });

  async function attemptAt(url: string): Promise<Attempt | undefined> {
    const { id } = await createEndpoint(stage.api, { url, retry_policy: [] });
    return attemptOf(id);
  }
  async function attemptOf(endpointId: string): Promise<Attempt | undefined> {
    const delivery = await settled(stage.api, await sendTo(stage.api, endpointId));
    const [attempt] = await attemptsOf(stage.api, delivery.id);
    expect(delivery).toMatchObject({
      status: 'FAILED',
      last_error: attempt?.error?.code ?? '',
      last_status_code: null,
    });
    return attempt;
  }

  test('is blocked at the connect, with the reason, and nobody is reached', async () => {
    const canary = await startCanary();
    for (const [name, addresses] of Object.entries(ADDRESSES)) {
      const attempt = await attemptAt(`http://${name}:${canary.port}/hook`);
      expect(attempt, name).toMatchObject({
        number: 1,
        status: 'failure',
        response_status: null,
        error: { code: 'egress_blocked', message: expect.stringContaining(addresses.at(-1) ?? '') },
      });
    }
    expect(canary.connections).toBe(0);
    await canary.close();
  });

  test('is blocked by a policy that was tightened after its URL was saved', async () => {
    const canary = await startCanary();
    await stage.restart({ POSTRIDER_EGRESS_ALLOW: '127.0.0.0/8' });
    const url = `http://127.0.0.1:${canary.port}/hook`;
    const { id } = await createEndpoint(stage.api, { url, retry_policy: [] });
    await stage.restart();
    expect(await attemptOf(id)).toMatchObject({
      error: { code: 'egress_blocked', message: expect.stringContaining('127.0.0.1') },
    });
    expect(canary.connections).toBe(0);
    await canary.close();
  });

  test('cannot be pointed at our own API, even where loopback is open', async () => {
    await stage.restart({ POSTRIDER_EGRESS_ALLOW: '127.0.0.0/8' });
    const problem = await refusal(stage.api.post('/v1/endpoints', { url: stage.postrider.url }), 'validation_failed');
    expect(problem.detail).toContain('egress_blocked');
    const { port } = new URL(stage.postrider.url);
    const attempt = await attemptAt(`http://loopback.example.com:${port}/v1/app`);
    expect(attempt).toMatchObject({ error: { code: 'egress_blocked' } });
    await stage.restart();
  });

  test('to a name that has no address is dns_failed', async () => {
    expect(await attemptAt('http://nowhere.example.com/')).toMatchObject({ error: { code: 'dns_failed' } });
  });
});
