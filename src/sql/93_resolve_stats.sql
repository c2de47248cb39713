-- The view over prompt_resolve_stats, which is there only now.

CREATE VIEW promptreg.resolve_stats WITH (security_invoker = true) AS
SELECT s.prompt, s.version, s.environment, s.resolves, s.last_at, s.uncounted FROM @extschema@.prompt_resolve_stats() AS s
 ORDER BY s.prompt, s.version, s.environment;
COMMENT ON VIEW promptreg.resolve_stats IS
  'How often versions were resolved since the server started, in all sessions; empty where there is no shared memory for counting';
COMMENT ON COLUMN promptreg.resolve_stats.prompt IS 'Name of the prompt';
COMMENT ON COLUMN promptreg.resolve_stats.version IS 'Number of the version';
COMMENT ON COLUMN promptreg.resolve_stats.environment IS 'Environment';
COMMENT ON COLUMN promptreg.resolve_stats.resolves IS 'Resolves: calls of prompt_resolve, prompt_render, prompt_render_text, prompt_messages and prompt_request that had an answer';
COMMENT ON COLUMN promptreg.resolve_stats.last_at IS 'When the statement began that resolved it last';
COMMENT ON COLUMN promptreg.resolve_stats.uncounted IS
  'Resolves of whatever version, in all databases of the server, that found no room to be counted since the last reset; the same in every row';
