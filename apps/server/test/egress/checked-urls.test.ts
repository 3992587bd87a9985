import { expect, test } from 'vitest';
import { CheckedUrls } from '../../src/egress/checked-urls.ts';
import type { EgressPolicy, OwnAddress } from '../../src/egress/policy.ts';

const open: EgressPolicy = { allowHttp: true, ports: 'any', exempt: [], own: [] };

test('a URL that was allowed is asked about anew once the policy is another', () => {
  const urls = new CheckedUrls();
  expect(urls.check(open, 'http://example.com/').ok).toBe(true);
  expect(urls.check(open, 'http://example.com/')).toBe(urls.check(open, 'http://example.com/'));
  expect(urls.check({ ...open, allowHttp: false }, 'http://example.com/').ok).toBe(false);
  expect(urls.check(open, 'http://example.com/').ok).toBe(true);
});

test('and once the process has another address of its own', () => {
  const own: OwnAddress[] = [];
  const policy = { ...open, own };
  const urls = new CheckedUrls();
  expect(urls.check(policy, 'http://8.8.8.8:4400/').ok).toBe(true);
  own.push({ address: '8.8.8.8', port: 4400 });
  expect(urls.check(policy, 'http://8.8.8.8:4400/').ok).toBe(false);
});
