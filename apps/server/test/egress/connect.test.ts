import { once } from 'node:events';
import { type Canary, type Receiver, startCanary, startReceiver } from '@postrider/receiver';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Exchange } from '../../src/egress/exchange.ts';
import { client, exempting, LAX, LOCAL, listener, resolving, stageDial } from './stage.ts';

let receiver: Receiver;
let canary: Canary;

beforeAll(async () => {
  receiver = await startReceiver();
  canary = await startCanary();
});

afterAll(async () => {
  await receiver.close();
  await canary.close();
});

/** Whatever address is asked for, it is the canary that would answer. */
function guarded(...addresses: string[]) {
  return { policy: LAX, resolve: resolving(...addresses), dial: stageDial(canary.port) };
}

function codeAndMessage(exchange: Exchange): string {
  return exchange.kind === 'error' ? `${exchange.code}: ${exchange.message}` : `response ${exchange.status}`;
}

describe('a name is refused, and nothing is dialled, when', () => {
  test.each([
    ['its address is loopback', ['127.0.0.1'], '127.0.0.1'],
    ['one of its addresses is private', ['8.8.8.8', '10.0.0.1'], '10.0.0.1'],
    ['its AAAA is a mapped IPv4', ['::ffff:7f00:1'], '::ffff:7f00:1'],
    ['its address is the metadata service', ['169.254.169.254'], '169.254.169.254'],
    ['a public AAAA goes with a private A', ['2606:4700:4700::1111', '192.168.1.1'], '192.168.1.1'],
  ])('%s', async (_case, addresses, bad) => {
    await using stage = client(guarded(...addresses));
    const exchange = await stage.send(`http://hook.example.com:${canary.port}/`);
    expect(codeAndMessage(exchange)).toBe(`egress_blocked: private_address ${bad}`);
    expect(canary.connections).toBe(0);
  });

  test('its address has a zone', async () => {
    await using stage = client(guarded('fe80::1%eth0'));
    const exchange = await stage.send('http://hook.example.com/');
    expect(codeAndMessage(exchange)).toBe('egress_blocked: invalid_address fe80::1%eth0');
    expect(canary.connections).toBe(0);
  });
});

test('a literal is refused without a look-up or a dial', async () => {
  let asked = 0;
  await using stage = client({
    ...guarded(),
    resolve: async () => {
      asked++;
      return [];
    },
  });
  for (const host of ['127.0.0.1', '127.1', '[::1]', '[::ffff:7f00:1]', '169.254.169.254', '0']) {
    expect(codeAndMessage(await stage.send(`http://${host}:${canary.port}/`))).toMatch(
      /^egress_blocked: private_address/,
    );
  }
  expect([asked, canary.connections]).toEqual([0, 0]);
});

test('a name that is public first and private afterwards is refused at its second connection', async () => {
  const answers = [resolving('8.8.8.8'), resolving('10.0.0.1')];
  const dialled: string[] = [];
  await using closing = await listener((socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'));
  });
  await using stage = client({
    policy: LAX,
    resolve: () => answers.shift()?.() ?? Promise.reject(new Error('asked too often')),
    dial: stageDial(closing.port, dialled),
  });
  const url = 'http://hook.example.com/';
  expect(codeAndMessage(await stage.send(url))).toBe('response 200');
  expect(codeAndMessage(await stage.send(url))).toBe('egress_blocked: private_address 10.0.0.1');
  expect(dialled).toEqual(['8.8.8.8']);
});

test('the addresses dialled are the ones checked: one connection asks the resolver once', async () => {
  let asked = 0;
  const dialled: string[] = [];
  await using stage = client({
    policy: LAX,
    resolve: () => {
      asked++;
      return resolving(asked === 1 ? '8.8.8.8' : '10.0.0.1')();
    },
    dial: stageDial(receiver.port, dialled),
  });
  expect(codeAndMessage(await stage.send('http://hook.example.com/ok'))).toBe('response 200');
  expect([asked, dialled]).toEqual([1, ['8.8.8.8']]);
});

test('a peer that is not who was dialled is refused before a byte is sent', async () => {
  let bytes = 0;
  await using inside = await listener((socket) => socket.on('data', (data) => (bytes += data.length)));
  const dial = stageDial(inside.port);
  await using stage = client({
    policy: LAX,
    resolve: resolving('8.8.8.8'),
    dial: (_address, port) => dial({ address: '10.0.0.1', family: 4 }, port),
  });
  const exchange = await stage.send('http://hook.example.com/');
  expect(codeAndMessage(exchange)).toBe('egress_blocked: private_address 10.0.0.1');
  const [socket] = inside.sockets;
  if (socket !== undefined && !socket.closed) await once(socket, 'close');
  expect(bytes).toBe(0);
});

test('our own listener is refused at connect, exempt or not', async () => {
  const policy = {
    ...LOCAL,
    exempt: exempting(`127.0.0.0/8, self:${canary.port}`),
    own: [{ address: '0.0.0.0', port: canary.port }],
  };
  await using stage = client({ policy, resolve: resolving('127.0.0.1') });
  for (const host of ['127.0.0.1', 'self', 'hook.example.com']) {
    const exchange = await stage.send(`http://${host}:${canary.port}/`);
    expect(codeAndMessage(exchange)).toBe('egress_blocked: own_address 127.0.0.1');
  }
  expect(canary.connections).toBe(0);
});

test('an exempt name is delivered to at its private address', async () => {
  const policy = { ...LAX, exempt: exempting(`receiver:${receiver.port}`) };
  await using stage = client({ policy, resolve: resolving('127.0.0.1') });
  expect(codeAndMessage(await stage.send(`http://receiver:${receiver.port}/ok`))).toBe('response 200');
});

test('a policy tightened between two sends holds for the second', async () => {
  let policy = LOCAL;
  await using stage = client({ policy: () => policy });
  expect(codeAndMessage(await stage.send(`${receiver.url}/ok`))).toBe('response 200');
  policy = LAX;
  expect(codeAndMessage(await stage.send(`${receiver.url}/ok`))).toBe('egress_blocked: private_address 127.0.0.1');
});

test.each([301, 302, 303, 307, 308])('a %i to an inside address is a response and is not followed', async (status) => {
  await using stage = client();
  const inside = `http://127.0.0.1:${canary.port}/latest/meta-data/`;
  const exchange = await stage.send(`${receiver.url}/redirect?status=${status}&to=${encodeURIComponent(inside)}`);
  expect(exchange).toMatchObject({ kind: 'response', status, headers: { location: inside } });
  expect(canary.connections).toBe(0);
});

test('a proxy named in the environment is not used', async () => {
  const names = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'NODE_USE_ENV_PROXY'];
  const before = names.map((name) => process.env[name]);
  for (const name of names) process.env[name] = name.startsWith('NODE') ? '1' : `http://127.0.0.1:${canary.port}`;
  try {
    await using stage = client();
    expect(codeAndMessage(await stage.send(`${receiver.url}/ok`))).toBe('response 200');
  } finally {
    names.forEach((name, index) => {
      if (before[index] === undefined) delete process.env[name];
      else process.env[name] = before[index];
    });
  }
  expect(canary.connections).toBe(0);
});

describe('a connection that cannot be had has its own code', () => {
  test('a name that does not resolve', async () => {
    const enotfound = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
    await using stage = client({ ...guarded(), resolve: () => Promise.reject(enotfound) });
    const exchange = await stage.send('http://gone.example.com/');
    expect(codeAndMessage(exchange)).toBe('dns_failed: gone.example.com does not resolve (ENOTFOUND)');
  });

  test('a name without an address', async () => {
    await using stage = client(guarded());
    expect(codeAndMessage(await stage.send('http://empty.example.com/'))).toMatch(/^dns_failed/);
  });

  test('a name server that does not answer', async () => {
    await using stage = client({ ...guarded(), resolve: () => new Promise(() => {}) });
    expect(codeAndMessage(await stage.send('http://slow.example.com/', { deadlineMs: 100 }))).toMatch(/^dns_timeout/);
  });

  test('a port nobody listens on', async () => {
    const { port } = await listener(() => {}).then(async (gone) => {
      await gone[Symbol.asyncDispose]();
      return gone;
    });
    await using stage = client();
    expect(codeAndMessage(await stage.send(`http://127.0.0.1:${port}/`))).toMatch(/^connection_refused/);
  });

  test('an address that swallows what is sent to it, before the deadline', async () => {
    const { Socket } = await import('node:net');
    const sockets: InstanceType<typeof Socket>[] = [];
    const dial = () => {
      const socket = new Socket();
      sockets.push(socket);
      return socket;
    };
    await using stage = client({ policy: LAX, resolve: resolving('8.8.8.8'), dial, connectTimeoutMs: 50 });
    expect(codeAndMessage(await stage.send('http://hook.example.com/'))).toMatch(/^connect_timeout/);
    expect(sockets.map((socket) => socket.destroyed)).toEqual([true]);
  });
});

test('the next address is dialled when the first refuses, and the exchange does not notice', async () => {
  const { port: refused } = await listener(() => {}).then(async (gone) => {
    await gone[Symbol.asyncDispose]();
    return gone;
  });
  const dialled: string[] = [];
  const good = stageDial(receiver.port, dialled);
  const bad = stageDial(refused, dialled);
  await using stage = client({
    policy: LAX,
    resolve: resolving('2606:4700:4700::1111', '8.8.8.8'),
    dial: (address, port) => (address.family === 6 ? bad : good)(address, port),
  });
  expect(codeAndMessage(await stage.send('http://hook.example.com/ok'))).toBe('response 200');
  expect(dialled).toEqual(['2606:4700:4700::1111', '8.8.8.8']);
});

test('look-ups of one name at the same time are one look-up', async () => {
  let asked = 0;
  await using stage = client({
    policy: LAX,
    resolve: () => {
      asked++;
      return resolving('8.8.8.8')();
    },
    dial: stageDial(receiver.port),
  });
  const all = await Promise.all(Array.from({ length: 20 }, () => stage.send('http://hook.example.com/ok')));
  expect(all.every((exchange) => exchange.kind === 'response')).toBe(true);
  expect(asked).toBe(1);
});
