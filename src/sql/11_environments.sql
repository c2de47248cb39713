-- Environments: named pointers per prompt. The three that every installation has are seeded here; they are left out
-- of dumps (a restored database seeds its own) and cannot be altered, so that both are always the same.

CREATE TABLE promptreg.environments (
  name        text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$' AND name <> 'latest'),
  rank        integer NOT NULL CHECK (rank BETWEEN 0 AND 1000000),
  description text,
  builtin     boolean NOT NULL DEFAULT false,
  created_by  text NOT NULL,
  created_at  timestamptz NOT NULL
);
COMMENT ON TABLE promptreg.environments IS 'Environments: where versions are served';
COMMENT ON COLUMN promptreg.environments.name IS
  'Name: letters, digits, "_", "-" and "."; at most 100 characters; "latest" is reserved for the highest version';
COMMENT ON COLUMN promptreg.environments.rank IS
  'Order: a lower rank comes earlier on the way to production (development 1000, staging 2000, production 3000)';
COMMENT ON COLUMN promptreg.environments.description IS 'What it is for';
COMMENT ON COLUMN promptreg.environments.builtin IS 'True for the three that exist after installation';
COMMENT ON COLUMN promptreg.environments.created_by IS 'Role that created it';
COMMENT ON COLUMN promptreg.environments.created_at IS 'When it was created';

INSERT INTO promptreg.environments (name, rank, description, builtin, created_by, created_at) VALUES
  ('development', 1000, 'Where versions are tried out', true, current_user, now()),
  ('staging', 2000, 'Where versions are tested before they go live', true, current_user, now()),
  ('production', 3000, 'What users get', true, current_user, now());
