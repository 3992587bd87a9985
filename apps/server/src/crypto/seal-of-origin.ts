import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

/** Of those that somebody gave us, no more are looked at. */
const MAX_SEALS = 10;

/**
 * Tells what a Postrider of this installation wrote from what anybody else put into the same queue: HMAC-SHA256 under
 * keys derived from the master keys. Every one of them seals, and one that is known is enough: while master keys are
 * rotated, some processes have only the old one, and later some only the new.
 */
export class SealOfOrigin {
  readonly #keys: readonly Buffer[];

  /** @param purpose what is sealed; a seal for one purpose is none for another. */
  constructor(masterKeys: readonly [Buffer, ...Buffer[]], purpose: string) {
    this.#keys = masterKeys.map((key) => Buffer.from(hkdfSync('sha256', key, '', `postrider ${purpose}`, 32)));
  }

  /** Base64url, one for each master key, with dots between them. */
  seal(content: string): string {
    return this.#seals(content)
      .map((seal) => seal.toString('base64url'))
      .join('.');
  }

  isGenuine(content: Buffer, seal: string | undefined): boolean {
    if (!seal) return false;
    const given = seal.split('.', MAX_SEALS).map((each) => Buffer.from(each, 'base64url'));
    return this.#seals(content).some((right) =>
      given.some((each) => each.length === right.length && timingSafeEqual(each, right)),
    );
  }

  #seals(content: string | Buffer): Buffer[] {
    return this.#keys.map((key) => createHmac('sha256', key).update(content).digest());
  }
}
