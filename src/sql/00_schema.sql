-- Everything but the functions that applications call lives in the schema promptreg. The script creates it itself:
-- a schema named in the control file could have been made, and filled, by somebody else before.
SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE SCHEMA promptreg;
COMMENT ON SCHEMA promptreg IS
  'Prompt management: tables, views, types and internal functions of the extension promptreg';
GRANT USAGE ON SCHEMA promptreg TO PUBLIC;
