import { AppPortalCapability, type Svix } from 'svix';
import { beforeAll, expect, test } from 'vitest';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';
import { codeIn } from '../portal/session.ts';
import { refused, svixClient } from './client.ts';

const APP = 'acme';
const url = 'https://example.com/hook';

onBothDatabases('access to the portal by the Svix client', (kind) => {
  const stage = stageOn(kind);
  let svix: Svix;
  beforeAll(async () => {
    svix = svixClient(stage.postrider);
    await svix.application.create({ name: 'Acme', uid: APP });
  });
  const access = async (wanted: object = {}) => svixClient(stage.postrider, await tokenOf(wanted));
  const tokenOf = async (wanted: object) => (await svix.authentication.appPortalAccess(APP, wanted)).token;

  test('is a link that opens a session, and a token that is one', async () => {
    const { url: link, token } = await svix.authentication.appPortalAccess(APP);
    expect(link).toMatch(new RegExp(`^${stage.postrider.url}/portal#prl_`));
    const opened = await stage.api.post('/v1/portal/session', { code: codeIn(link) });
    expect(opened.status).toBe(201);
    const customer = svixClient(stage.postrider, token);
    const { id } = await customer.endpoint.create(APP, { url });
    expect((await customer.endpoint.getSecret(APP, id)).key).toMatch(/^whsec_/);
    await refused(customer.application.list(), 403);
    await refused(customer.message.create(APP, { eventType: 'a', payload: {} }), 403);
  });

  test('is no more than its capabilities', async () => {
    const { id } = await svix.endpoint.create(APP, { url });
    for (const wanted of [{ readOnly: true }, { capabilities: [AppPortalCapability.ViewBase] }]) {
      const viewer = await access(wanted);
      await viewer.endpoint.get(APP, id);
      await refused(viewer.endpoint.getSecret(APP, id), 403);
      await refused(viewer.endpoint.patch(APP, id, { description: 'x' }), 403);
    }
    const secret = await access({ capabilities: [AppPortalCapability.ViewEndpointSecret] });
    await secret.endpoint.getSecret(APP, id);
    await refused(secret.endpoint.patch(APP, id, { description: 'x' }), 403);
    const manager = await access({ capabilities: [AppPortalCapability.ManageEndpoint] });
    await manager.endpoint.patch(APP, id, { description: 'x' });
    await refused(manager.endpoint.recover(APP, id, { since: new Date() }), 403);
  });

  test('ends by logout, all at once, and by its name', async () => {
    const [one, two] = [await access({ sessionId: 'one' }), await access({ sessionId: 'two' })];
    const three = await access();
    await three.authentication.logout();
    await refused(three.endpoint.list(APP), 401);
    await refused(svix.authentication.logout(), 403);
    await svix.authentication.expireAll(APP, { sessionIds: ['one'] });
    await refused(one.endpoint.list(APP), 401);
    await two.endpoint.list(APP);
    await svix.authentication.expireAll(APP, { expiry: 3_600 });
    await two.endpoint.list(APP);
    await svix.authentication.expireAll(APP);
    await refused(two.endpoint.list(APP), 401);
  });

  test('makes its application where it says how', async () => {
    await refused(svix.authentication.appPortalAccess('unknown'), 404);
    await svix.authentication.appPortalAccess('made', { application: { name: 'Made' } });
    expect(await svix.application.get('made')).toMatchObject({ name: 'Made' });
    await refused(svix.authentication.appPortalAccess(APP, { expiry: 60 }), 422);
    await refused(svix.authentication.appPortalAccess(APP, { featureFlags: ['beta'] }), 422);
    await svix.authentication.appPortalAccess(APP, { featureFlags: [] });
  });
});
