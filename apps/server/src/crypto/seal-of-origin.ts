import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

/**
 * Tells what a Postrider of this installation wrote from what anybody else put into the same queue: HMAC-SHA256 under a
 * key derived from the master key. The first master key seals; what any of them sealed is genuine, so they can be
 * rotated.
 */
export class SealOfOrigin {
  readonly #keys: readonly Buffer[];

  /** @param purpose what is sealed; a seal for one purpose is none for another. */
  constructor(masterKeys: readonly [Buffer, ...Buffer[]], purpose: string) {
    this.#keys = masterKeys.map((key) => Buffer.from(hkdfSync('sha256', key, '', `postrider ${purpose}`, 32)));
  }

  /** Base64url. */
  seal(content: string): string {
    return this.#sealWith(this.#keys[0] as Buffer, content).toString('base64url');
  }

  isGenuine(content: Buffer, seal: string | undefined): boolean {
    if (seal === undefined) return false;
    const given = Buffer.from(seal, 'base64url');
    return this.#keys.some((key) => {
      const right = this.#sealWith(key, content);
      return given.length === right.length && timingSafeEqual(given, right);
    });
  }

  #sealWith(key: Buffer, content: string | Buffer): Buffer {
    return createHmac('sha256', key).update(content).digest();
  }
}
