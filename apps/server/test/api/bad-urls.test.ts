import { expect, test } from 'vitest';
import { createEndpoint } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { leavingNothing, refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

/** What people try, and some more of each kind. */
const REFUSED = [
  ...['http://127.1', 'http://0x7f000001', 'http://2130706433', 'http://017700000001', 'http://0', 'http://[::]'],
  ...['http://[::1]', 'http://[::ffff:127.0.0.1]', 'http://[::7f00:1]', 'http://[64:ff9b::7f00:1]'],
  ...['http://[2002:7f00:1::]', 'http://[2001:0:7f00:1::]', 'http://[100:0:0:1::1]', 'http://[4000::1]'],
  ...['http://[fe80::1%25eth0]', 'http://[fd00::1]', 'http://①②⑦.⓪.⓪.①', 'http://127。0。0。1'],
  ...['http://localhoſt', 'http://%31%32%37.0.0.1', 'http://metadata.google.internal.', 'http://a@127.0.0.1'],
  ...['http://127.0.0.1\\@example.com', 'http:///127.0.0.1', 'http:/example.com', 'https:example.com'],
  ...['https://example.com:22', 'https://example.com:0', 'https://example.com:65536', 'ftp://example.com'],
  ...['http://100.64.0.1', 'http://169.254.169.254', 'http://10.0.0.1', 'http://172.16.0.1', 'http://192.168.0.1'],
  ...['http://192.0.2.1', 'http://198.18.0.1', 'http://224.0.0.1', 'http://255.255.255.255', 'http://168.63.129.16'],
  ...['http://kubernetes.default.svc', 'http://localhost', 'http://intranet', 'http://printer.local', 'http://a.onion'],
  ...['https://user:pass@example.com', 'https://@example.com', 'https://exa mple.com', 'https://example.com/\n'],
  ...['https://example.com\t', '\u00a0https://example.com', 'https://exam\u200dple.com', 'https://example..com'],
  ...[
    'javascript:alert(1)',
    'file:///etc/passwd',
    'data:,x',
    '//example.com',
    'example.com',
    '',
    'https://',
    'https://?',
  ],
  ...['https://-example.com', `https://${'a'.repeat(64)}.com`, 'https://example.com.0x7f'],
];

/** Just outside the ranges, and names as they are. */
const TAKEN = [
  ...['http://100.63.255.255', 'http://172.32.0.0', 'http://169.255.0.0', 'http://198.20.0.0', 'http://11.0.0.0'],
  ...[
    'http://[2606:4700:4700::1111]',
    'https://example.com',
    'https://example.com:8443/a?b=c#d',
    'https://EXAMPLE.com.',
  ],
  ...['https://bücher.example.com', 'https://xn--bcher-kva.com', 'http://example.com:8080'],
];

onBothDatabases('the URL of an endpoint', (kind) => {
  const stage = stageOn(kind, { env: { POSTRIDER_EGRESS_ALLOW: '', POSTRIDER_EGRESS_PORTS: '443,8443,80,8080' } });

  test('is refused, with the reason, where it leads inside or nowhere', async () => {
    const { id } = await createEndpoint(stage.api, { url: 'https://example.com/' });
    await leavingNothing(stage.api, async () => {
      for (const url of REFUSED) {
        for (const reply of [
          stage.api.post('/v1/endpoints', { url }),
          stage.api.patch(`/v1/endpoints/${id}`, { url }),
        ]) {
          const problem = await refusal(reply, 'validation_failed');
          expect(problem.errors, url).toEqual([
            { path: '/url', message: expect.stringMatching(/^egress_blocked: \w/) },
          ]);
        }
      }
    });
  });

  test('is taken just outside those ranges, and kept as it was written', async () => {
    for (const url of TAKEN) {
      const made = await createEndpoint(stage.api, { url });
      expect(made.url).toBe(url);
    }
  });

  test('may have 2,048 characters and no more', async () => {
    const url = `https://example.com/${'a'.repeat(2028)}`;
    await createEndpoint(stage.api, { url });
    await leavingNothing(stage.api, async () => {
      await refusal(stage.api.post('/v1/endpoints', { url: `${url}a` }), 'validation_failed');
    });
  });
});

onBothDatabases('without POSTRIDER_EGRESS_HTTP', (kind) => {
  const stage = stageOn(kind, { env: { POSTRIDER_EGRESS_HTTP: '0' } });

  test('an http: URL is refused', () =>
    leavingNothing(stage.api, async () => {
      const problem = await refusal(
        stage.api.post('/v1/endpoints', { url: 'http://example.com/' }),
        'validation_failed',
      );
      expect(problem.detail).toContain('scheme_not_allowed');
    }));
});
