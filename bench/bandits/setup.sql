-- What bench/bandits/in_server runs.
CREATE EXTENSION promptreg;
SELECT prompt_metric_define('right', 'proportion', 'accepted', role => 'primary');

-- User and system time of this backend, in clock ticks of 10 ms.
CREATE FUNCTION cpu_ms() RETURNS bigint LANGUAGE sql
RETURN (SELECT 10 * (f.field[12]::bigint + f.field[13]::bigint)
          FROM (SELECT string_to_array(regexp_replace(pg_read_file(format('/proc/%s/stat', pg_backend_pid())), '^.*\) ', ''), ' ') AS field) AS f);

CREATE FUNCTION begin_experiment(name text, algorithm text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM prompt_register(name, 'a'), prompt_register(name, 'b');
  PERFORM prompt_promote(name, 1, 'production');
  PERFORM prompt_experiment_start(name, 'production', '[{"key": "a", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', key => name);
  PERFORM prompt_experiment_set_allocation(name, algorithm, min_count => 1, attribution_window => '0');
  RETURN name;
END;
$$;

-- Seven users of each variant in ten, or eight.
CREATE FUNCTION begin_experiments(number integer) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  PERFORM begin_experiment('e' || e, 'thompson') FROM generate_series(1, number) AS e;
  INSERT INTO promptreg.executions (prompt, version, environment, experiment, variant, user_id, request_id, at)
  SELECT 'e' || e, 1, 'production', 'e' || e, v, v || u, format('%s/%s/%s', e, v, u), now() - u % 48 * interval '1 hour'
    FROM generate_series(1, number) AS e, unnest('{a,b}'::text[]) AS v, generate_series(1, 60) AS u;
  INSERT INTO promptreg.outcomes (request_id, name, value, at)
  SELECT format('%s/%s/%s', e, v, u), 'accepted', (u % 10 < CASE v WHEN 'a' THEN 8 ELSE 7 END)::integer, now() - u % 48 * interval '1 hour'
    FROM generate_series(1, number) AS e, unnest('{a,b}'::text[]) AS v, generate_series(1, 60) AS u;
  RETURN number;
END;
$$;

CREATE TABLE days (run integer, day integer, worse bigint, users bigint, p_best double precision);

-- A run is an experiment of its own; a is right in .70, b in .75 of its answers; 240 users a day, for 14 days.
CREATE PROCEDURE simulate(runs integer) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM setseed(0.42);
  PERFORM begin_experiment('run' || r, 'thompson') FROM generate_series(1, runs) AS r;
  FOR day IN 1 .. 14 LOOP
    CREATE TEMPORARY TABLE served AS
    SELECT r AS run, a.variant, prompt_log('run' || r, a.version, user_id => u.id, request_id => format('%s/%s', r, u.id), experiment => a.experiment, variant => a.variant) AS request_id
      FROM generate_series(1, runs) AS r, generate_series(1, 240) AS n, LATERAL (SELECT format('day %s user %s', day, n) AS id) AS u,
           LATERAL prompt_assign('run' || r, 'production', u.id) AS a;
    PERFORM prompt_feedback(s.request_id, accepted => random() < CASE s.variant WHEN 'b' THEN 0.75 ELSE 0.70 END) FROM served AS s;
    COMMIT;
    PERFORM prompt_experiment_rebalance();
    INSERT INTO days
    SELECT s.run, day, count(*) FILTER (WHERE s.variant = 'a'), count(*),
           (SELECT (promptreg.plan_rebalance(x)).arms[2].p_best FROM promptreg.experiments AS x WHERE x.key = 'run' || s.run)
      FROM served AS s GROUP BY s.run;
    DROP TABLE served;
    COMMIT;
  END LOOP;
END;
$$;

CREATE VIEW judged AS
SELECT count(*) AS runs, avg(r.worse) AS worse, stddev(r.worse) / sqrt(count(*)) AS error,
       percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY r.certain_after) AS days,
       abs(avg(r.worse) - 0.164) < 3 * stddev(r.worse) / sqrt(count(*)) AND (SELECT count(*) = 0 FROM prompt_verify())
         AND (SELECT min(f) >= 50000 FROM promptreg.weights w, unnest(w.ppm) AS f) AS reproduced
  FROM (SELECT d.run, (sum(d.worse) / sum(d.users))::double precision AS worse, coalesce(min(d.day) FILTER (WHERE d.p_best >= 0.95), 15) AS certain_after FROM days d GROUP BY d.run) AS r;

CREATE VIEW found AS
SELECT format('240 users a day, .70 / .75, %s runs: days %s / %s (4 / 12)   to the worse %s +- %s (.164)   cut %s %%%s', j.runs, j.days[1], j.days[2],
              round(j.worse::numeric, 3), round(j.error::numeric, 3), round(100 * (1 - j.worse / 0.5)), CASE WHEN j.reproduced THEN '' ELSE '   NOT REPRODUCED' END) AS line
  FROM judged AS j;
