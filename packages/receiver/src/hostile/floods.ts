import { gzipSync } from 'node:zlib';
import { type Hostility, head } from './hostility.ts';
import { pump } from './pump.ts';

const GIGABYTE = 1024 ** 3;
const CHUNK = Buffer.alloc(64 * 1024, 'a');

// 16 MiB of zeros are 16 KB of gzip, and members of one gzip stream may follow one another: 640 of them inflate 10 MB on
// the wire to 10 GiB.
const BOMB_MEMBER_BYTES = 16 * 1024 * 1024;
const BOMB_MEMBERS = 640;
let bombMember: Buffer | undefined;

function* repeat(chunk: Uint8Array, times: number): Iterator<Uint8Array> {
  for (let sent = 0; sent < times; sent += 1) yield chunk;
}

/** A 1 GB body, with its true length. */
export const hugeBody: Hostility = (socket) => {
  socket.write(head('200 OK', { 'content-length': GIGABYTE }));
  pump(socket, repeat(CHUNK, GIGABYTE / CHUNK.length));
};

/** A 10 MB body that inflates to 10 GiB. */
export const gzipBomb: Hostility = (socket) => {
  bombMember ??= gzipSync(Buffer.alloc(BOMB_MEMBER_BYTES), { level: 9 });
  socket.write(head('200 OK', { 'content-encoding': 'gzip', 'content-length': bombMember.length * BOMB_MEMBERS }));
  pump(socket, repeat(bombMember, BOMB_MEMBERS));
};

/** A well-formed answer but for one header of 64 KB. */
export const hugeHeader: Hostility = (socket) => {
  socket.end(`${head('200 OK', { 'x-huge': 'a'.repeat(64 * 1024), 'content-length': 2 })}ok`);
};

/** A well-formed answer but for its 5,000 headers. */
export const manyHeaders: Hostility = (socket) => {
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`x-${index}`, 'v']));
  socket.end(`${head('200 OK', { ...many, 'content-length': 2 })}ok`);
};
