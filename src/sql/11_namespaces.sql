-- What experiments share: namespaces keep them apart, holdouts keep users out of all of them.

CREATE TABLE promptreg.namespaces (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name        text NOT NULL UNIQUE CHECK (promptreg.is_valid_name(name)),
  description text,
  created_by  text NOT NULL,
  created_at  timestamptz NOT NULL
);
COMMENT ON TABLE promptreg.namespaces IS
  'Namespaces: experiments with disjoint ranges of one never have a user in common';
COMMENT ON COLUMN promptreg.namespaces.id IS 'Internal key';
COMMENT ON COLUMN promptreg.namespaces.name IS 'Name, which assignments hash; never changed';
COMMENT ON COLUMN promptreg.namespaces.description IS 'What it is for';
COMMENT ON COLUMN promptreg.namespaces.created_by IS 'Role that created it';
COMMENT ON COLUMN promptreg.namespaces.created_at IS 'When it was created';

CREATE TABLE promptreg.holdouts (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name        text NOT NULL UNIQUE CHECK (promptreg.is_valid_name(name)),
  share_ppm   integer NOT NULL CHECK (share_ppm BETWEEN 0 AND 1000000),
  description text,
  created_by  text NOT NULL,
  created_at  timestamptz NOT NULL
);
COMMENT ON TABLE promptreg.holdouts IS
  'Holdouts: users whom all experiments of a holdout leave alone, to see what the experiments do together';
COMMENT ON COLUMN promptreg.holdouts.id IS 'Internal key';
COMMENT ON COLUMN promptreg.holdouts.name IS 'Name, which assignments hash; never changed';
COMMENT ON COLUMN promptreg.holdouts.share_ppm IS 'Share of users held out now, in parts per million';
COMMENT ON COLUMN promptreg.holdouts.description IS 'What it is for';
COMMENT ON COLUMN promptreg.holdouts.created_by IS 'Role that created it';
COMMENT ON COLUMN promptreg.holdouts.created_at IS 'When it was created';
