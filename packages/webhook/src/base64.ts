/**
 * The bytes of padded standard base64, or null for anything else. Node's decoder skips what it does not know and takes the
 * URL alphabet too: two texts could then name one key, and a mistyped secret would sign with a shorter one. Only the text
 * that encodes back to itself is let through.
 */
export function strictBase64(encoded: string): Buffer | null {
  const bytes = Buffer.from(encoded, 'base64');
  return bytes.toString('base64') === encoded ? bytes : null;
}
