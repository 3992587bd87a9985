import { expect, test } from 'vitest';
import { splitStatements } from '../../src/store/migrate.ts';

test('a script is split at the semicolons that end its statements', () => {
  expect(
    splitStatements(`-- a comment; with a semicolon
create table a (b text default ';');
  -- another
create function f() returns void language plpgsql as $$
begin
  perform 1;
end $$;
select 1`),
  ).toEqual([
    "create table a (b text default ';');",
    'create function f() returns void language plpgsql as $$\nbegin\n  perform 1;\nend $$;',
    'select 1',
  ]);
});
