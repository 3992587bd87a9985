import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openDatabase } from '../../src/store/database.ts';

/** Before any test: one embedded database fresh from initdb, for tests to copy. */
export default async function setup(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), 'postrider-template-'));
  const database = await openDatabase({ kind: 'embedded', folder }, (error) => {
    throw error;
  });
  await database.script('select 1');
  await database.close();
  project.provide('embeddedTemplate', folder);
  return () => rmSync(folder, { recursive: true, force: true });
}
