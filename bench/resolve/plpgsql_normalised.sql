-- The usual design in PL/pgSQL: normalised tables, md5 for the buckets, replace() for every variable.
CREATE SCHEMA normalised;

CREATE TABLE normalised.prompts (id bigint PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE normalised.versions (
  id bigint PRIMARY KEY, prompt_id bigint NOT NULL REFERENCES normalised.prompts, number integer NOT NULL,
  template text NOT NULL, UNIQUE (prompt_id, number));
CREATE TABLE normalised.deployments (
  prompt_id bigint REFERENCES normalised.prompts, environment text, version_id bigint NOT NULL REFERENCES normalised.versions,
  PRIMARY KEY (prompt_id, environment));
CREATE TABLE normalised.variants (
  prompt_id bigint, environment text, key text, salt text NOT NULL, percent integer NOT NULL,
  version_id bigint NOT NULL REFERENCES normalised.versions, PRIMARY KEY (prompt_id, environment, key));

INSERT INTO normalised.prompts SELECT id, name FROM promptreg.prompts;
INSERT INTO normalised.versions SELECT id, prompt_id, version, messages -> 0 ->> 'content' FROM promptreg.versions;
INSERT INTO normalised.deployments
SELECT r.prompt_id, r.environment, v.id
  FROM promptreg.routes r JOIN promptreg.versions v USING (prompt_id, version);
INSERT INTO normalised.variants
SELECT x.prompt_id, x.environment, a.key, x.salt, 50, v.id
  FROM promptreg.experiments x
  JOIN promptreg.variants a ON a.experiment_id = x.id
  JOIN promptreg.versions v ON v.prompt_id = a.prompt_id AND v.version = a.version;

CREATE FUNCTION normalised.render(name text, env text, user_id text, vars jsonb) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
  found_id bigint;
  served bigint;
  result text;
  variant record;
  variable record;
  bucket integer;
BEGIN
  SELECT p.id INTO found_id FROM normalised.prompts p WHERE p.name = render.name;
  SELECT d.version_id INTO served
    FROM normalised.deployments d WHERE d.prompt_id = found_id AND d.environment = env;
  FOR variant IN
    SELECT a.salt, a.version_id, sum(a.percent) OVER (ORDER BY a.key) AS up_to
      FROM normalised.variants a
     WHERE a.prompt_id = found_id AND a.environment = env ORDER BY a.key
  LOOP
    bucket := ('x' || left(md5(variant.salt || user_id), 7))::bit(28)::integer % 100;
    IF bucket < variant.up_to THEN
      served := variant.version_id;
      EXIT;
    END IF;
  END LOOP;
  SELECT v.template INTO result FROM normalised.versions v WHERE v.id = served;
  FOR variable IN SELECT * FROM jsonb_each_text(vars) LOOP
    result := replace(result, '{{' || variable.key || '}}', variable.value);
  END LOOP;
  RETURN result;
END;
$$;
