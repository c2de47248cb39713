-- Promotion, rollback, retirement.

CREATE PROCEDURE test.commit_versions(name text, count integer) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM prompt_create(name);
  PERFORM prompt_commit(name, 'v' || i) FROM generate_series(1, count) AS i;
END;
$$;
-- What is served, and what the history of the route says.
CREATE FUNCTION test.route(name text, env text) RETURNS text LANGUAGE sql
RETURN (SELECT string_agg(format('%s:%s%s', d.number, CASE d.event WHEN 'promoted' THEN '+' WHEN 'rolled_back' THEN '<' ELSE 'x' END,
                                 d.version), ' ' ORDER BY d.number) || ' = ' || coalesce(max(s.version)::text, 'nothing')
          FROM prompt_deployments(name, env) d
          LEFT JOIN promptreg.route_status s ON s.prompt = d.prompt AND s.environment = d.environment);

CALL test.commit_versions('releases/a', 5);

-- A promotion says what it did.
SELECT prompt, environment, version, previous, event, number, reason, deployed_by = current_user AS mine,
       deployed_at BETWEEN now() AND clock_timestamp() AS at_once
  FROM prompt_promote('releases/a', 1, 'production', 'first release') \gx
SELECT prompt_render('releases/a');
SELECT version, previous, number, reason FROM prompt_promote(name => 'releases/a', version => 2, env => 'production', reason => NULL);
SELECT version, previous, number FROM prompt_promote('releases/a', 3, 'production');
SELECT prompt_render('releases/a');

-- The same version again changes nothing.
SELECT version, previous, number FROM prompt_promote('releases/a', 3, 'production', 'once more');
SELECT test.route('releases/a', 'production');

-- Each rollback goes one further back, until there is nothing.
SELECT version, previous, event, number, reason FROM prompt_rollback('releases/a', 'production', reason => 'too long');
SELECT prompt_render('releases/a');
SELECT version, previous, event, number FROM prompt_rollback('releases/a', 'production');
SELECT prompt_render('releases/a');
CALL test.fails($$SELECT prompt_rollback('releases/a', 'production')$$);
SELECT test.route('releases/a', 'production');

-- After a promotion the way back starts there.
SELECT (prompt_promote('releases/a', 4, 'production')).previous;
SELECT (prompt_promote('releases/a', 5, 'production')).previous;
SELECT (prompt_rollback('releases/a', 'production')).version;
SELECT (prompt_rollback('releases/a', 'production')).version;
CALL test.fails($$SELECT prompt_rollback('releases/a', 'production')$$);
SELECT test.route('releases/a', 'production');

-- To a version that was ever served there, and from it to what was served before it then.
SELECT (prompt_rollback('releases/a', 'production', 3)).version;
SELECT prompt_render('releases/a');
SELECT (prompt_rollback('releases/a', 'production')).version;
SELECT (prompt_rollback('releases/a', 'production', to_version => 5, reason => 'it was good')).version;
SELECT (prompt_rollback('releases/a', 'production')).version;
SELECT test.route('releases/a', 'production');
CALL test.commit_versions('releases/b', 4);
SELECT (prompt_promote('releases/b', 2, 'production')).version;
SELECT (prompt_promote('releases/b', 3, 'production')).version;
CALL test.fails($$SELECT prompt_rollback('releases/b', 'production', 1)$$);
CALL test.fails($$SELECT prompt_rollback('releases/b', 'production', 5)$$);
CALL test.fails($$SELECT prompt_rollback('releases/b', 'production', 0)$$);
CALL test.fails($$SELECT prompt_rollback('releases/b', 'staging')$$);
CALL test.fails($$SELECT prompt_rollback('releases/b', 'staging', 2)$$);

-- A longer sequence, promotions and rollbacks mixed, against a stack: a promotion pushes, a rollback pops.
CALL test.commit_versions('releases/stack', 6);
DO $$
DECLARE
  stack integer[] := '{}';
  step integer;
  served integer;
BEGIN
  FOREACH step IN ARRAY '{1,2,0,3,4,0,0,5,1,6,0,0,2,3,0,1,0,0,0}'::integer[] LOOP
    IF step > 0 THEN
      PERFORM prompt_promote('releases/stack', step, 'production');
      stack := stack || step;
    ELSIF cardinality(stack) > 1 THEN
      PERFORM prompt_rollback('releases/stack', 'production');
      stack := trim_array(stack, 1);
    END IF;
    served := (prompt_assign('releases/stack')).version;
    IF served <> stack[cardinality(stack)] OR prompt_render('releases/stack') <> 'v' || served THEN
      RAISE WARNING 'step %: % is served, the stack is %', step, served, stack;
    END IF;
  END LOOP;
END;
$$;
SELECT test.route('releases/stack', 'production');

-- Retiring: nothing is served any more; a rollback brings it back; afterwards history goes on.
SELECT version, previous, event, number, reason FROM prompt_retire('releases/b', 'production', 'not needed');
CALL test.fails($$SELECT prompt_render('releases/b')$$);
SELECT version, experiment, event, previous FROM promptreg.route_status WHERE prompt = 'releases/b';
CALL test.fails($$SELECT prompt_retire('releases/b', 'production')$$);
CALL test.fails($$SELECT prompt_retire('releases/b', 'staging')$$);
SELECT (prompt_rollback('releases/b', 'production')).version;
SELECT (prompt_rollback('releases/b', 'production')).version;
SELECT (prompt_retire('releases/b', 'production')).version;
SELECT (prompt_promote('releases/b', 4, 'production')).previous;
SELECT (prompt_rollback('releases/b', 'production')).version;
CALL test.fails($$SELECT prompt_rollback('releases/b', 'production')$$);
SELECT test.route('releases/b', 'production');

-- A retired prompt can be retired in one environment and served in another.
SELECT (prompt_promote('releases/b', 1, 'staging')).version, (prompt_retire('releases/b', 'production')).version;
SELECT prompt_render('releases/b', 'staging');

-- An idempotency key makes a request safe to send twice.
CALL test.commit_versions('releases/key', 3);
SELECT version, number FROM prompt_promote('releases/key', 1, 'production', idempotency_key => 'k1');
SELECT version, number FROM prompt_promote('releases/key', 2, 'production', idempotency_key => 'k2');
SELECT version, number FROM prompt_promote('releases/key', 1, 'production', idempotency_key => 'k1');
SELECT version, number FROM prompt_rollback('releases/key', 'production', idempotency_key => 'k3');
SELECT version, number FROM prompt_rollback('releases/key', 'production', idempotency_key => 'k3');
SELECT version, number FROM prompt_retire('releases/key', 'production', idempotency_key => 'k4');
SELECT version, number FROM prompt_retire('releases/key', 'production', idempotency_key => 'k4');
SELECT test.route('releases/key', 'production');
-- Keys belong to one prompt and environment.
SELECT version, number FROM prompt_promote('releases/key', 3, 'staging', idempotency_key => 'k1');
SELECT version, environment FROM prompt_promote('releases/a', 1, 'staging', idempotency_key => 'k1');
-- A key of a request that failed can be used again.
CALL test.fails($$SELECT prompt_promote('releases/key', 9, 'staging', idempotency_key => 'k5')$$);
SELECT version, number FROM prompt_promote('releases/key', 1, 'staging', idempotency_key => 'k5');
-- A request that changed nothing is remembered as well: sent again later, it does not undo what came between.
SELECT version, number FROM prompt_promote('releases/key', 1, 'staging', idempotency_key => 'k6');
SELECT version, number FROM prompt_promote('releases/key', 2, 'staging');
SELECT version, number FROM prompt_promote('releases/key', 1, 'staging', idempotency_key => 'k6');
SELECT prompt_render('releases/key', 'staging');
-- One key, one request.
CALL test.fails($$SELECT prompt_promote('releases/key', 3, 'staging', idempotency_key => 'k6')$$);
CALL test.fails($$SELECT prompt_rollback('releases/key', 'staging', idempotency_key => 'k6')$$);
CALL test.fails($$SELECT prompt_retire('releases/key', 'staging', idempotency_key => 'k6')$$);
SELECT count(*) AS records FROM promptreg.audit_log WHERE prompt = 'releases/key' AND event <> 'committed';

-- What cannot be promoted.
CALL test.fails($$SELECT prompt_promote('releases/a', 6, 'production')$$);
CALL test.fails($$SELECT prompt_promote('releases/a', 0, 'production')$$);
CALL test.fails($$SELECT prompt_promote('releases/a', NULL, 'production')$$);
CALL test.fails($$SELECT prompt_promote('releases/a', 1, 'latest')$$);
CALL test.fails($$SELECT prompt_promote('releases/a', 1, 'prodution')$$);
CALL test.fails($$SELECT prompt_promote('releases/a', 1, '')$$);
CALL test.fails($$SELECT prompt_promote('releases/a', 1, NULL)$$);
CALL test.fails($$SELECT prompt_promote('releases/no-such-name-here', 1, 'production')$$);
CALL test.fails($$SELECT prompt_promote(NULL, 1, 'production')$$);
CALL test.fails($$SELECT prompt_rollback('releases/no-such-name-here', 'production')$$);
CALL test.fails($$SELECT prompt_rollback('releases/a', 'latest')$$);
CALL test.fails($$SELECT prompt_rollback('releases/a', NULL)$$);
CALL test.fails($$SELECT prompt_rollback(NULL, 'production')$$);
CALL test.fails($$SELECT prompt_retire('releases/no-such-name-here', 'production')$$);
CALL test.fails($$SELECT prompt_retire('releases/a', 'latest')$$);
CALL test.fails($$SELECT prompt_retire('releases/a', NULL)$$);
CALL test.fails($$SELECT prompt_retire(NULL, NULL)$$);
SELECT prompt_create('releases/empty');
CALL test.fails($$SELECT prompt_promote('releases/empty', 1, 'production')$$);

-- Asking without trying.
SELECT * FROM prompt_promotable('releases/a', 1, 'production');
SELECT prompt_experiment_start('releases/a', 'production',
  '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]');
SELECT * FROM prompt_promotable('releases/a', 1, 'production');
SELECT * FROM prompt_promotable('releases/a', 1, 'staging');
CALL test.fails($$SELECT prompt_promotable('releases/a', 6, 'production')$$);
CALL test.fails($$SELECT prompt_promotable('releases/a', NULL, 'production')$$);
CALL test.fails($$SELECT prompt_promotable('releases/a', 1, 'nowhere')$$);
CALL test.fails($$SELECT prompt_promotable('releases/a', 1, NULL)$$);
CALL test.fails($$SELECT prompt_promotable('releases/no-such-name-here', 1, 'production')$$);
SELECT (prompt_experiment_stop('releases/a-production-1')).version;

-- What was deployed when.
CALL test.commit_versions('releases/when', 3);
SELECT clock_timestamp() AS before \gset
SELECT (prompt_promote('releases/when', 2, 'production')).deployed_at AS first \gset
SELECT (prompt_promote('releases/when', 3, 'production')).deployed_at AS second \gset
SELECT (prompt_rollback('releases/when', 'production')).deployed_at AS third \gset
SELECT (prompt_retire('releases/when', 'production')).deployed_at AS fourth \gset
SELECT prompt_deployed_at('releases/when', 'production', :'before') AS before,
       prompt_deployed_at('releases/when', 'production', :'first') AS first,
       prompt_deployed_at('releases/when', 'production', :'second'::timestamptz - interval '1 microsecond') AS still_first,
       prompt_deployed_at('releases/when', 'production', :'second') AS second,
       prompt_deployed_at('releases/when', 'production', :'third') AS third,
       prompt_deployed_at('releases/when', 'production', :'fourth') AS fourth,
       prompt_deployed_at('releases/when', 'production', 'infinity') AS for_ever,
       prompt_deployed_at('releases/when', 'production', '-infinity') AS never,
       prompt_deployed_at('releases/when', 'staging', 'infinity') AS elsewhere,
       prompt_deployed_at('releases/when', 'production', NULL) AS null;
CALL test.fails($$SELECT prompt_deployed_at('releases/when', 'latest', 'infinity')$$);
CALL test.fails($$SELECT prompt_deployed_at('releases/when', NULL, 'infinity')$$);
CALL test.fails($$SELECT prompt_deployed_at('releases/no-such-name-here', 'production', 'infinity')$$);

-- A promotion that is rolled back with its transaction never was.
BEGIN;
SELECT (prompt_promote('releases/when', 1, 'production')).number;
SELECT prompt_render('releases/when');
ROLLBACK;
CALL test.fails($$SELECT prompt_render('releases/when')$$);
SELECT test.route('releases/when', 'production');

-- Route, history and audit agree.
SELECT a.event, a.environment, a.version, a.previous, a.reason, a.before, a.after - '{chain_hash,salt}'::text[] AS after
  FROM promptreg.audit_log a WHERE a.prompt = 'releases/a' AND a.event <> 'committed' ORDER BY a.id LIMIT 6;
SELECT * FROM prompt_verify('releases/a');
SELECT * FROM prompt_verify('releases/key');
