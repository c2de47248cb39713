-- Warnings about what is valid in templates and yet most likely a mistake, or a risk.

CREATE TYPE promptreg.lint_warning AS (
  code          text,
  warning       text,
  variable      text,
  place         text,
  item          integer,
  snippet       text,
  line_number   integer,
  column_number integer,
  detail        text,
  hint          text
);
COMMENT ON TYPE promptreg.lint_warning IS 'What prompt_lint has to say about a version';
COMMENT ON COLUMN promptreg.lint_warning.code IS
  'unused_variable, single_braces, double_braces, untrusted_instructions, filter_not_reached, constant_comparison, '
  'handlebars_name, member_of_plain_value, tag_in_kept_key, or more_warnings in a last row';
COMMENT ON COLUMN promptreg.lint_warning.warning IS 'The same in words';
COMMENT ON COLUMN promptreg.lint_warning.variable IS 'The variable, or the name in braces';
COMMENT ON COLUMN promptreg.lint_warning.place IS 'Which of several texts it is about, such as message 2, part 1';
COMMENT ON COLUMN promptreg.lint_warning.item IS 'Which item of the messages that text is in, from 1';
COMMENT ON COLUMN promptreg.lint_warning.snippet IS 'The snippet in that text in which the line is, as templates name it; NULL: it is in the text itself';
COMMENT ON COLUMN promptreg.lint_warning.line_number IS 'Line of the template, from 1';
COMMENT ON COLUMN promptreg.lint_warning.column_number IS 'Column in that line, in characters, from 1';
COMMENT ON COLUMN promptreg.lint_warning.detail IS 'The line, with a mark under the column';
COMMENT ON COLUMN promptreg.lint_warning.hint IS 'What to do';

CREATE FUNCTION promptreg.find_warnings(messages jsonb, variables jsonb, syntax text, escape text, snippets jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_find_warnings';
COMMENT ON FUNCTION promptreg.find_warnings(jsonb, jsonb, text, text, jsonb) IS
  'The warnings about the templates of a version, an array of objects keyed like promptreg.lint_warning';

CREATE FUNCTION promptreg.version_warnings(prompt_id bigint, version integer, env text) RETURNS SETOF promptreg.lint_warning
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY
  SELECT w.*
    FROM promptreg.compose(version_warnings.prompt_id, version_warnings.version, env) o,
         jsonb_array_elements(promptreg.find_warnings(o.messages, o.variables, o.syntax, o.escape, o.snippets))
           WITH ORDINALITY AS f (value, ordinality),
         jsonb_populate_record(NULL::promptreg.lint_warning, f.value) AS w
   ORDER BY f.ordinality;
END;
$$;
COMMENT ON FUNCTION promptreg.version_warnings(bigint, integer, text) IS 'The warnings about a version, with its snippets as they are in an environment';

CREATE FUNCTION promptreg.raise_warnings(prompt_id bigint, version integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found promptreg.lint_warning;
BEGIN
  FOR found IN SELECT w.* FROM promptreg.version_warnings(raise_warnings.prompt_id, raise_warnings.version, 'latest') w LOOP
    IF found.detail IS NULL THEN
      RAISE NOTICE USING MESSAGE = concat_ws(': ', found.place, found.warning), HINT = found.hint;
    ELSE
      RAISE NOTICE USING MESSAGE = concat_ws(': ', found.place, found.warning), DETAIL = found.detail, HINT = found.hint;
    END IF;
  END LOOP;
END;
$$;
COMMENT ON FUNCTION promptreg.raise_warnings(bigint, integer) IS 'A notice for each warning about a version';

-- What follows it in environments is asked when it is promoted.
CREATE FUNCTION promptreg.raise_broken_users(prompt_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  broken record;
BEGIN
  FOR broken IN
    SELECT u.prompt, u.version, promptreg.composition_problem(o.messages, o.variables, o.syntax, o.escape, o.snippets) AS problem
      FROM promptreg.snippet_users(raise_broken_users.prompt_id, NULL) u, promptreg.compose(u.prompt_id, u.version, 'latest') o
     WHERE u.environment = 'latest' AND promptreg.allowed('read', u.prompt)
  LOOP
    IF broken.problem IS NOT NULL THEN
      RAISE NOTICE USING
        MESSAGE = format('version %s of prompt "%s", its newest, cannot be rendered with this snippet', broken.version, broken.prompt),
        DETAIL = broken.problem,
        HINT = 'Change that prompt, or this one again, before either is promoted.';
    END IF;
  END LOOP;
END;
$$;
COMMENT ON FUNCTION promptreg.raise_broken_users(bigint) IS
  'A notice for each prompt whose newest version does not compile with the newest version of a snippet';

CREATE FUNCTION promptreg._prompt_lint(name text, version integer DEFAULT NULL, env text DEFAULT 'latest')
RETURNS SETOF promptreg.lint_warning
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_prompt(name => _prompt_lint.name, "right" => 'read');
  number integer := promptreg.chosen_version(target, _prompt_lint.version, _prompt_lint.env);
BEGIN
  RETURN QUERY SELECT w.* FROM promptreg.version_warnings(target.id, number, _prompt_lint.env) w;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_lint(text, integer, text) IS
  'What is valid in a version, by default the one that the environment serves, with its snippets there, and yet most likely a mistake or a risk. Right: read';
