import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { OwnPostgres } from '../../../../apps/server/test/processes/own-postgres.ts';
import { PostgresQueue } from '../../src/adapters/postgres.ts';
import { conformance } from './suite.ts';

/** It starts a server of its own, where there is one to be had at all. */
const missing = process.env.POSTRIDER_TEST_DATABASE_URL ? null : 'POSTRIDER_TEST_DATABASE_URL is not set';

conformance(
  'postgres',
  async () => {
    const server = await OwnPostgres.start();
    const asOwner = async (sql: string) => {
      const client = new pg.Client({ connectionString: server.url });
      await client.connect();
      const { rows } = await client.query(sql);
      await client.end();
      return rows;
    };
    const [version] = await asOwner('show server_version');
    return {
      kind: 'postgres',
      version: `PostgreSQL ${version.server_version}`,
      async open(queue, credentials) {
        const url = new URL(server.url);
        if (credentials) url.username = credentials.user ?? '';
        return new PostgresQueue({ url: url.href, queue });
      },
      server: { halt: () => server.halt('fast'), resume: () => server.resume() },
      users: {
        async create() {
          const user = `user_${randomBytes(4).toString('hex')}`;
          await asOwner(`create role ${user} login superuser`);
          return { user };
        },
        remove: async ({ user }) => void (await asOwner(`drop role ${user}`)),
      },
      close: () => server.stop(),
    };
  },
  missing,
);
