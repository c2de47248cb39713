-- The changes again, for a listener that was away.

CREATE TYPE promptreg.change AS (
  seq         bigint,
  event       text,
  prompt      text,
  environment text,
  version     integer,
  previous    integer,
  experiment  text,
  reason      text,
  by          text,
  at          timestamptz
);
COMMENT ON TYPE promptreg.change IS 'A change of the registry, as listeners are told of it';
COMMENT ON COLUMN promptreg.change.seq IS 'Number of the change: 1, 2, 3 in order of commits, without gaps';
COMMENT ON COLUMN promptreg.change.event IS 'What happened: committed, promoted, rolled_back, retired, experiment_started ...';
COMMENT ON COLUMN promptreg.change.prompt IS 'Name of the prompt';
COMMENT ON COLUMN promptreg.change.environment IS 'Environment';
COMMENT ON COLUMN promptreg.change.version IS 'Version committed, or served from then on';
COMMENT ON COLUMN promptreg.change.previous IS 'Version before';
COMMENT ON COLUMN promptreg.change.experiment IS 'Key of the experiment';
COMMENT ON COLUMN promptreg.change.reason IS 'Why';
COMMENT ON COLUMN promptreg.change.by IS 'Role that did it';
COMMENT ON COLUMN promptreg.change.at IS 'When it was done';

CREATE FUNCTION promptreg._prompt_changes_since(seq bigint DEFAULT 0, max_rows integer DEFAULT 10000)
RETURNS SETOF promptreg.change
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM promptreg.allowed('read', NULL);
  RETURN QUERY
    SELECT c.seq, a.event, a.prompt, a.environment, a.version, a.previous, a.experiment, a.reason,
           a.current_user_name, a.at
      FROM ONLY promptreg.changes c JOIN ONLY promptreg.audit_log a ON a.id = c.audit_id
     WHERE c.seq > coalesce(_prompt_changes_since.seq, 0)
       AND CASE WHEN a.prompt IS NULL THEN promptreg.allowed('admin', '*') ELSE promptreg.allowed('read', a.prompt) END
     ORDER BY c.seq
     LIMIT greatest(coalesce(_prompt_changes_since.max_rows, 10000), 0);
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_changes_since(bigint, integer) IS
  'Changes after a seq in order of commits, without gaps for a caller who administers every prompt; others see those of prompts they may read';
