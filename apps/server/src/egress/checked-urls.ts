import { LRUCache } from 'lru-cache';
import type { EgressPolicy } from './policy.ts';
import { type CheckedUrl, checkUrl } from './url-policy.ts';

const MAX_URLS = 10_000;

/**
 * What `checkUrl` said, remembered for as long as the policy is the same: it decides on the text and the policy alone,
 * and a customer's URL is asked about at each send.
 */
export class CheckedUrls {
  readonly #checked = new LRUCache<string, CheckedUrl>({ max: MAX_URLS });
  #policy: EgressPolicy | null = null;
  #ownAddresses = 0;

  check(policy: EgressPolicy, text: string): CheckedUrl {
    // Own addresses are added to the list once the process listens.
    if (policy !== this.#policy || policy.own.length !== this.#ownAddresses) {
      this.#checked.clear();
      this.#policy = policy;
      this.#ownAddresses = policy.own.length;
    }
    const known = this.#checked.get(text);
    if (known) return known;
    const checked = checkUrl(policy, text);
    // What is refused is rare, and may be as long as an attacker likes.
    if (checked.ok) this.#checked.set(text, checked);
    return checked;
  }
}
