import type { Engine } from './engine.ts';
import { SECRET } from './workload.ts';

const AT_A_TIME = 16;

/** Customers `tenant-0`, `tenant-1`, … with one endpoint each. The first one's ids are the smallest. */
export async function makeTenants(engine: Engine, count: number, url: string): Promise<void> {
  await makeTenant(engine, 'tenant-0', url);
  let next = 1;
  await Promise.all(
    Array.from({ length: AT_A_TIME }, async () => {
      while (next < count) await makeTenant(engine, `tenant-${next++}`, url);
    }),
  );
}

/** @returns its endpoint's id. */
export async function makeTenant(engine: Engine, uid: string, url: string): Promise<string> {
  await engine.call('POST', '/v1/app', { uid, name: uid });
  const { id } = await engine.call<{ id: string }>('POST', `/v1/app/${uid}/endpoints`, {
    url: `${url}/${uid}`,
    secret: SECRET,
  });
  return id;
}
