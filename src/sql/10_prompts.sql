-- Prompts, the names they answer to, and their immutable versions.

CREATE FUNCTION promptreg.is_valid_name(name text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN char_length(name) BETWEEN 1 AND 200
   AND name !~ E'[\\x01-\\x1f\\x7f]'
   AND name !~ E'^\\s|\\s$'
   AND name !~ '^/|//|/$';
COMMENT ON FUNCTION promptreg.is_valid_name(text) IS
  'Whether a text can name a prompt: 1 to 200 characters, no control characters, no white space at either end, no empty folder';

CREATE TABLE promptreg.prompts (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name         text NOT NULL UNIQUE CHECK (promptreg.is_valid_name(name)),
  kind         text NOT NULL CHECK (kind IN ('text', 'chat')),
  description  text,
  tags         text[] NOT NULL DEFAULT '{}' CHECK (array_position(tags, NULL) IS NULL),
  team         text,
  head_version integer NOT NULL DEFAULT 0 CHECK (head_version >= 0),
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL,
  archived_at  timestamptz
);
COMMENT ON TABLE promptreg.prompts IS 'Prompts: what has a name, a kind and numbered versions';
COMMENT ON COLUMN promptreg.prompts.id IS 'Internal key';
COMMENT ON COLUMN promptreg.prompts.name IS 'Name, 1 to 200 characters, case-sensitive; "/" makes folders; never changed';
COMMENT ON COLUMN promptreg.prompts.kind IS 'text (one template) or chat (a list of messages); never changed';
COMMENT ON COLUMN promptreg.prompts.description IS 'What the prompt is for';
COMMENT ON COLUMN promptreg.prompts.tags IS 'Free labels to find it by';
COMMENT ON COLUMN promptreg.prompts.team IS 'Who owns it';
COMMENT ON COLUMN promptreg.prompts.head_version IS 'Number of the newest version; 0 before the first';
COMMENT ON COLUMN promptreg.prompts.created_by IS 'Role that created it';
COMMENT ON COLUMN promptreg.prompts.created_at IS 'When it was created';
COMMENT ON COLUMN promptreg.prompts.archived_at IS 'When it was archived; NULL while in use';

CREATE TABLE promptreg.names (
  name       text PRIMARY KEY CHECK (promptreg.is_valid_name(name)),
  prompt_id  bigint NOT NULL REFERENCES promptreg.prompts (id),
  created_by text NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX names_prompt_id_idx ON promptreg.names (prompt_id);
COMMENT ON TABLE promptreg.names IS
  'Every name a prompt answers to: its own, and one row for each alias that a rename added';
COMMENT ON COLUMN promptreg.names.name IS 'The name';
COMMENT ON COLUMN promptreg.names.prompt_id IS 'The prompt it leads to';
COMMENT ON COLUMN promptreg.names.created_by IS 'Role that added the name';
COMMENT ON COLUMN promptreg.names.created_at IS 'When it was added';

CREATE TABLE promptreg.versions (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  prompt_id      bigint NOT NULL REFERENCES promptreg.prompts (id),
  version        integer NOT NULL CHECK (version >= 1),
  messages       jsonb NOT NULL CHECK (jsonb_typeof(messages) = 'array' AND jsonb_array_length(messages) > 0),
  variables      jsonb CHECK (jsonb_typeof(variables) = 'array'),
  model          text,
  params         jsonb NOT NULL CHECK (jsonb_typeof(params) = 'object'),
  metadata       jsonb NOT NULL CHECK (jsonb_typeof(metadata) = 'object'),
  syntax         text NOT NULL CHECK (syntax IN ('mustache', 'fstring', 'none')),
  escape         text NOT NULL CHECK (escape IN ('none', 'html')),
  parent_version integer CHECK (parent_version BETWEEN 1 AND version - 1),
  branch         text NOT NULL CHECK (promptreg.is_valid_name(branch)),
  message        text,
  author         text NOT NULL,
  created_at     timestamptz NOT NULL,
  content_hash   bytea NOT NULL CHECK (octet_length(content_hash) = 32),
  previous_hash  bytea CHECK (octet_length(previous_hash) = 32),
  chain_hash     bytea NOT NULL CHECK (octet_length(chain_hash) = 32),
  UNIQUE (prompt_id, version),
  UNIQUE NULLS NOT DISTINCT (prompt_id, previous_hash),
  CHECK ((version = 1) = (previous_hash IS NULL))
);
CREATE INDEX versions_content_hash_idx ON promptreg.versions (prompt_id, content_hash);
COMMENT ON TABLE promptreg.versions IS 'Immutable versions of prompts; append-only and hash-chained per prompt';
COMMENT ON COLUMN promptreg.versions.id IS 'Internal key; version_id in resolutions and telemetry';
COMMENT ON COLUMN promptreg.versions.prompt_id IS 'The prompt';
COMMENT ON COLUMN promptreg.versions.version IS 'Number within the prompt: 1, 2, 3 without gaps, never reused';
COMMENT ON COLUMN promptreg.versions.messages IS
  'Messages in order, each an object with role, content (the template, or a list of parts) and further keys, or a placeholder or examples (docs/chat.md); a text prompt has one message of role user';
COMMENT ON COLUMN promptreg.versions.variables IS 'Declarations of variables; NULL: inferred from the templates';
COMMENT ON COLUMN promptreg.versions.model IS 'Model the version was written for';
COMMENT ON COLUMN promptreg.versions.params IS 'Parameters of the model call: temperature, max_tokens, tools, response_format ...';
COMMENT ON COLUMN promptreg.versions.metadata IS 'Anything else worth keeping; not part of the content hash';
COMMENT ON COLUMN promptreg.versions.syntax IS 'Template syntax: mustache, fstring or none';
COMMENT ON COLUMN promptreg.versions.escape IS 'How values are escaped when inserted: none or html';
COMMENT ON COLUMN promptreg.versions.parent_version IS 'The version it was made from; NULL for the first';
COMMENT ON COLUMN promptreg.versions.branch IS 'The branch it was committed on';
COMMENT ON COLUMN promptreg.versions.message IS 'Commit message';
COMMENT ON COLUMN promptreg.versions.author IS 'Role that committed it';
COMMENT ON COLUMN promptreg.versions.created_at IS 'When it was committed';
COMMENT ON COLUMN promptreg.versions.content_hash IS 'SHA-256 over the canonical form of what the version says';
COMMENT ON COLUMN promptreg.versions.previous_hash IS 'Chain hash of the version before; NULL for version 1';
COMMENT ON COLUMN promptreg.versions.chain_hash IS 'SHA-256 over content hash, previous hash, author, time and the other columns';
