/** Largest payload of a message, bytes. */
export const PAYLOAD_LIMIT = 256 * 1024;
