import type { Inspect } from '../egress/contained-socket.ts';

/** Of one response. What is asked for at once is 4 MiB, and a batch that is larger comes all the same. */
const MAX_BYTES = 64 * 1024 * 1024;

const SIZE_BYTES = 4;
/** A response begins with the number of its request. */
const MIN_BYTES = 4;

/** Alert, handshake and the like, of SSL 3 to TLS 1.3. */
const isTls = (head: Buffer) => head.readUInt8(0) >= 0x14 && head.readUInt8(0) <= 0x17 && head.readUInt8(1) === 3;

/**
 * Reads along with the client how large each response of a Kafka server says it is, and throws before the client sees one
 * that cannot be: it reads the number of its request from what has no room for one, and keeps all that comes until there
 * is as much as was said.
 */
export function kafkaCheck(maxBytes: number = MAX_BYTES): Inspect {
  const head = Buffer.alloc(SIZE_BYTES);
  let headBytes = 0;
  /** Still to come of a response. */
  let left = 0;

  const readHead = (chunk: Buffer, at: number): number => {
    const taken = chunk.copy(head, headBytes, at);
    headBytes += taken;
    if (headBytes === SIZE_BYTES) {
      headBytes = 0;
      left = head.readInt32BE();
      // In the words of the client, which looks for it only in what it lets through.
      if (isTls(head)) throw new Error('Broker requires TLS.');
      if (left < MIN_BYTES || left > maxBytes) throw new Error(`the server sent a response of ${left} bytes`);
    }
    return at + taken;
  };

  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      if (left === 0) at = readHead(chunk, at);
      else {
        const taken = Math.min(left, chunk.length - at);
        left -= taken;
        at += taken;
      }
    }
  };
}
