import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { type Canary, startCanary } from '@postrider/receiver';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { EgressError } from '../../src/egress/error-code.ts';
import { SocketGuard } from '../../src/egress/guarded-sockets.ts';
import type { EgressPolicy } from '../../src/egress/policy.ts';
import type { Resolve } from '../../src/egress/resolve.ts';
import { until } from '../kit/until.ts';
import { exempting, LAX, LOCAL, listener, resolving, STRICT } from './stage.ts';

let canary: Canary;
beforeAll(async () => {
  canary = await startCanary();
});
afterAll(() => canary.close());

let before = 0;
beforeEach(() => {
  before = canary.connections;
});

function guardOf(policy: EgressPolicy, resolve: Resolve = resolving('8.8.8.8'), hosts: string[] = []): SocketGuard {
  return new SocketGuard({ policy, resolve, hosts });
}

type Connecting = net.Socket | http2.ClientHttp2Session | http.ClientRequest;

/** How a connection ends: `connected`, or what its error says. */
async function outcome(emitter: Connecting): Promise<string> {
  const connected = new Promise((resolve, reject) => {
    emitter.on('error', reject).on('connect', resolve);
  });
  try {
    await connected;
    return 'connected';
  } catch (error) {
    return error instanceof EgressError ? `${error.code}: ${error.message}` : String(error);
  } finally {
    emitter.destroy();
  }
}

const WAYS = {
  'net.connect with options': (host, port) => net.connect({ host, port }),
  'net.connect with port and host': (host, port) => net.connect(port, host),
  'new Socket, then connect': (host, port) => new net.Socket().connect(port, host),
  'one address at a time': (host, port) => net.connect({ host, port, autoSelectFamily: false }),
  'a look-up of its own': (host, port) =>
    net.connect({
      host,
      port,
      lookup: (_, options, done) => done(null, options.all ? [{ address: '127.0.0.1', family: 4 }] : '127.0.0.1', 4),
    }),
  'tls.connect': (host, port) => tls.connect({ host, port, rejectUnauthorized: false }),
  'http.request': (host, port) => http.request({ host, port }).end(),
  'https.request': (host, port) => https.request({ host, port }).end(),
  'http2.connect': (host, port) => http2.connect(`http://${host}:${port}`),
} satisfies Record<string, (host: string, port: number) => Connecting>;

describe.each(Object.entries(WAYS))('a socket by %s is refused, and nothing dialled, when', (_way, connect) => {
  const dial = (guard: SocketGuard, host: string) => outcome(guard.run(() => connect(host, canary.port)));

  test('it is to a private address', async () => {
    expect(await dial(guardOf(LAX), '127.0.0.1')).toBe('egress_blocked: private_address 127.0.0.1');
    expect(canary.connections).toBe(before);
  });

  test('its name resolves to one', async () => {
    const guard = guardOf(LAX, resolving('127.0.0.1'));
    expect(await dial(guard, 'broker.example.com')).toBe('egress_blocked: private_address 127.0.0.1');
    expect(guard.refusal?.message).toBe('private_address 127.0.0.1');
    expect(canary.connections).toBe(before);
  });

  test('one of its addresses is one', async () => {
    const guard = guardOf(LAX, resolving('8.8.8.8', '10.0.0.1'));
    expect(await dial(guard, 'broker.example.com')).toBe('egress_blocked: private_address 10.0.0.1');
  });

  test('its name leads inside', async () => {
    expect(await dial(guardOf(LAX), 'localhost')).toBe('egress_blocked: reserved_name localhost');
    expect(await dial(guardOf(LAX), 'redis')).toBe('egress_blocked: single_label_name redis');
  });

  test('outside of a guard it is dialled', async () => {
    guardOf(LAX);
    const socket = connect('127.0.0.1', canary.port).on('error', () => {});
    await until(
      () => canary.connections,
      (count) => count > before,
    );
    socket.destroy();
  });
});

test('fetch is held as well', async () => {
  const asked = guardOf(LAX).run(() => fetch(`http://127.0.0.1:${canary.port}/`));
  await expect(asked).rejects.toMatchObject({ cause: { code: 'egress_blocked' } });
  expect(canary.connections).toBe(before);
});

test.each(['127.1', '0x7f000001', '2130706433', '::1', '::ffff:127.0.0.1', '[::1]', '0.0.0.0', 'LOCALHOST', ''])(
  'another spelling of inside, "%s", is refused',
  async (host) => {
    const guard = guardOf(LAX, resolving('127.0.0.1'));
    expect(await outcome(guard.run(() => net.connect({ host, port: canary.port })))).toMatch(/^egress_blocked: /);
    expect(canary.connections).toBe(before);
  },
);

test('the socket of a file is refused', async () => {
  const guard = guardOf(LOCAL);
  expect(await outcome(guard.run(() => net.connect('/var/run/docker.sock')))).toBe('egress_blocked: unix_socket');
  expect(await outcome(guard.run(() => net.connect({ path: '/var/run/docker.sock' })))).toBe(
    'egress_blocked: unix_socket',
  );
});

test('our own listeners are refused, whatever is exempt', async () => {
  const policy = { ...LOCAL, own: [{ address: '0.0.0.0', port: canary.port }] };
  expect(await outcome(guardOf(policy).run(() => net.connect(canary.port, '127.0.0.1')))).toBe(
    'egress_blocked: own_address 127.0.0.1',
  );
});

test('a connection that broke is held when its client makes another by itself, much later', async () => {
  await using server = await listener((socket, nth) => void (nth === 1 && socket.end()));
  let policy: EgressPolicy = LOCAL;
  const guard = guardOf({
    ...LOCAL,
    get exempt() {
      return policy.exempt;
    },
  });
  const again = await guard.run(async () => {
    const first = net.connect(server.port, '127.0.0.1').resume();
    await once(first, 'close');
    policy = LAX;
    return new Promise<string>((resolve) => {
      setTimeout(() => resolve(outcome(net.connect(server.port, '127.0.0.1'))), 10);
    });
  });
  expect(again).toBe('egress_blocked: private_address 127.0.0.1');
  expect(server.sockets).toHaveLength(1);
});

test('a peer that is not what was dialled is let go before a byte is sent', async () => {
  await using server = await listener(() => {});
  const guard = guardOf(LOCAL);
  const socket = new net.Socket();
  Object.defineProperty(socket, 'remoteAddress', { get: () => '10.1.2.3' });
  const told = outcome(guard.run(() => socket.connect(server.port, '127.0.0.1')));
  expect(await told).toMatch(/connected|private_address 10.1.2.3/);
  expect(guard.refusal?.message).toBe('private_address 10.1.2.3');
  expect(socket.destroyed).toBe(true);
});

describe('what an operator opened', () => {
  test('a CIDR opens its addresses at the ports of webhooks', async () => {
    await using server = await listener(() => {});
    const exempt = exempting('127.0.0.0/8');
    const dial = (policy: EgressPolicy) => outcome(guardOf(policy).run(() => net.connect(server.port, '127.0.0.1')));
    expect(await dial({ ...STRICT, exempt })).toBe('egress_blocked: private_address 127.0.0.1');
    expect(await dial({ ...STRICT, exempt, ports: new Set([server.port]) })).toBe('connected');
    expect(await dial({ ...STRICT, exempt, ports: 'any' })).toBe('connected');
  });

  test('a name at a port opens what it resolves to, there and nowhere else', async () => {
    await using server = await listener(() => {});
    const policy = { ...STRICT, exempt: exempting(`redis:${server.port}`) };
    const guard = guardOf(policy, resolving('127.0.0.1'));
    expect(await outcome(guard.run(() => net.connect(server.port, 'redis')))).toBe('connected');
    expect(await outcome(guard.run(() => net.connect(canary.port, 'redis')))).toMatch(/single_label_name redis/);
    expect(await outcome(guard.run(() => net.connect(server.port, 'other.example.com')))).toMatch(/private_address/);
    expect(await outcome(guard.run(() => net.connect(server.port, '127.0.0.1')))).toMatch(/private_address/);
  });

  test('for a client that looks the name up itself, its address is open where the settings name it', async () => {
    await using server = await listener(() => {});
    const policy = { ...STRICT, exempt: exempting(`redis:${server.port}`) };
    const guard = guardOf(policy, resolving('127.0.0.1'), [`redis:${server.port}`]);
    expect(await outcome(guard.run(() => net.connect(server.port, '127.0.0.1')))).toBe('connected');
    expect(await outcome(guard.run(() => net.connect(server.port, '127.0.0.2')))).toMatch(/private_address 127.0.0.2/);
    expect(await outcome(guard.run(() => net.connect(canary.port, '127.0.0.1')))).toMatch(/private_address/);
  });

  test('is said of the hosts that settings name, before any is looked up', () => {
    const hosts = ['redis:6379', '10.0.0.1:5672'];
    expect(() => guardOf(STRICT, resolving('8.8.8.8'), hosts).checkHosts()).toThrow('single_label_name redis');
    const exempt = exempting('redis:6379 10.0.0.1:5672');
    expect(() => guardOf({ ...STRICT, exempt }, resolving('8.8.8.8'), hosts).checkHosts()).not.toThrow();
  });

  test('a refusal is forgotten once a connection came to be', async () => {
    await using server = await listener(() => {});
    const guard = guardOf(LOCAL);
    await outcome(guard.run(() => net.connect(server.port, '10.0.0.1')));
    expect(guard.refusal?.message).toBe('private_address 10.0.0.1');
    await outcome(guard.run(() => net.connect(server.port, '127.0.0.1')));
    expect(guard.refusal).toBeNull();
  });
});
