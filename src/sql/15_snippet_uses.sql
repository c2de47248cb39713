-- Which version uses which snippet. A snippet is any text prompt that a template of another inserts.

CREATE TABLE promptreg.snippet_uses (
  prompt_id       bigint NOT NULL,
  version         integer NOT NULL,
  reference       text NOT NULL CHECK (reference <> ''),
  snippet_id      bigint NOT NULL REFERENCES promptreg.prompts (id),
  snippet_version integer,
  environment     text REFERENCES promptreg.environments (name),
  PRIMARY KEY (prompt_id, version, reference),
  FOREIGN KEY (prompt_id, version) REFERENCES promptreg.versions (prompt_id, version),
  FOREIGN KEY (snippet_id, snippet_version) REFERENCES promptreg.versions (prompt_id, version),
  CHECK (snippet_version IS NULL OR environment IS NULL)
);
CREATE INDEX snippet_uses_snippet_id_idx ON promptreg.snippet_uses (snippet_id);
COMMENT ON TABLE promptreg.snippet_uses IS 'The snippets that versions use, one row for each name in their templates; append-only';
COMMENT ON COLUMN promptreg.snippet_uses.prompt_id IS 'The prompt that uses';
COMMENT ON COLUMN promptreg.snippet_uses.version IS 'The version of it that does';
COMMENT ON COLUMN promptreg.snippet_uses.reference IS 'The snippet as the template names it: tone, tone@3 or tone@production';
COMMENT ON COLUMN promptreg.snippet_uses.snippet_id IS 'The prompt that is used';
COMMENT ON COLUMN promptreg.snippet_uses.snippet_version IS 'The version of it that is pinned; NULL: the one that an environment serves';
COMMENT ON COLUMN promptreg.snippet_uses.environment IS
  'The environment that is followed; NULL: the one in which the using prompt is served, if no version is pinned';
