import { get } from 'node:http';
import { createGunzip } from 'node:zlib';
import { expect, it } from 'vitest';
import { running } from './running.ts';

const MEGABYTE = 1024 * 1024;

it('huge-body promises 1 GB and delivers it', async () => {
  const { hostile } = await running();
  const received = await new Promise<{ promised: string | undefined; bytes: number }>((resolve, reject) => {
    const request = get(hostile['huge-body'], { agent: false }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('end', () => resolve({ promised: response.headers['content-length'], bytes }));
    });
    request.on('error', reject);
  });
  expect(received).toEqual({ promised: String(1024 * MEGABYTE), bytes: 1024 * MEGABYTE });
});

it('gzip-bomb inflates a few kilobytes to many megabytes', async () => {
  const { hostile } = await running();
  const { encoding, length, inflated, read } = await new Promise<{
    encoding: string | undefined;
    length: number;
    inflated: number;
    read: number;
  }>((resolve, reject) => {
    const request = get(hostile['gzip-bomb'], { agent: false }, (response) => {
      let [inflated, read] = [0, 0];
      response.on('data', (chunk: Buffer) => {
        read += chunk.length;
      });
      const gunzip = response.pipe(createGunzip());
      gunzip.on('data', (chunk: Buffer) => {
        inflated += chunk.length;
        if (inflated < 64 * MEGABYTE) return;
        const { 'content-encoding': encoding, 'content-length': length } = response.headers;
        resolve({ encoding, length: Number(length), inflated, read });
        response.unpipe(gunzip);
        gunzip.destroy();
        request.destroy();
      });
      gunzip.on('error', reject);
    });
    request.on('error', () => {});
  });
  expect(encoding).toBe('gzip');
  expect(length).toBeLessThan(12 * MEGABYTE);
  expect(inflated / read).toBeGreaterThan(100);
});
