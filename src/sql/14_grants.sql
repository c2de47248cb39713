-- Rights on prompts, given to PostgreSQL roles by name patterns.

CREATE TABLE promptreg.grants (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pattern     text NOT NULL CHECK (char_length(pattern) BETWEEN 1 AND 200),
  "right"     text NOT NULL CHECK ("right" IN ('resolve', 'read', 'author', 'approve', 'release', 'admin')),
  role        text NOT NULL CHECK (role <> ''),
  environment text REFERENCES promptreg.environments (name),
  granted_by  text NOT NULL,
  granted_at  timestamptz NOT NULL,
  UNIQUE NULLS NOT DISTINCT (pattern, "right", role, environment),
  CHECK (environment IS NULL OR "right" IN ('resolve', 'approve', 'release'))
);
COMMENT ON TABLE promptreg.grants IS 'Rights on prompts, given to roles by name patterns';
COMMENT ON COLUMN promptreg.grants.id IS 'Internal key';
COMMENT ON COLUMN promptreg.grants.pattern IS 'Names it covers; "*" stands for any characters, "/" included';
COMMENT ON COLUMN promptreg.grants."right" IS 'resolve, read, author, approve, release or admin';
COMMENT ON COLUMN promptreg.grants.role IS 'Role that has it, with its members; public: every role';
COMMENT ON COLUMN promptreg.grants.environment IS 'Environment it is limited to; NULL: all';
COMMENT ON COLUMN promptreg.grants.granted_by IS 'Role that granted it';
COMMENT ON COLUMN promptreg.grants.granted_at IS 'When it was granted';
