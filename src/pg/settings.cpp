#include "pg/settings.h"

#include <climits>

#include "pg/server.h"

namespace promptreg::pg {
namespace {

int cache_size_kb = 16 * 1024;
int max_template_kb = 1024;
int max_nesting = 64;
int max_snippet_depth = 32;
int max_program_operations = 10'000;
int max_render_operations = 1'000'000;
int max_output_kb = 16 * 1024;
int max_json_depth = 64;

void DefineLimit(const char* name, const char* description, int* value, int most, int flags) {
  DefineCustomIntVariable(name, description, nullptr, value, *value, 1, most, PGC_SUSET, flags,
                          nullptr, nullptr, nullptr);
}

}  // namespace

void DefineSettings() {
  DefineCustomIntVariable(
      "promptreg.cache_size", "Memory for routes and compiled versions in each backend.",
      "When it is exceeded, those least recently used go first.", &cache_size_kb, cache_size_kb, 64,
      4 * 1024 * 1024, PGC_USERSET, GUC_UNIT_KB, nullptr, nullptr, nullptr);
  DefineLimit("promptreg.max_template_size", "Largest template.", &max_template_kb, 64 * 1024,
              GUC_UNIT_KB);
  DefineLimit("promptreg.max_nesting", "Deepest nesting of sections.", &max_nesting, 1000, 0);
  DefineLimit("promptreg.max_snippet_depth", "Deepest nesting of snippets.", &max_snippet_depth,
              1000, 0);
  DefineLimit("promptreg.max_program_operations", "Most operations of a compiled template.",
              &max_program_operations, 1'000'000, 0);
  DefineLimit("promptreg.max_render_operations", "Most operations of one rendering.",
              &max_render_operations, 1'000'000'000, 0);
  DefineLimit("promptreg.max_output_size", "Largest rendered text.", &max_output_kb, 512 * 1024,
              GUC_UNIT_KB);
  DefineLimit("promptreg.max_json_depth", "Deepest nesting of a value that is printed as JSON.",
              &max_json_depth, 1000, 0);
  MarkGUCPrefixReserved("promptreg");
}

size_t CacheBound() {
  return static_cast<size_t>(cache_size_kb) * 1024;
}

tmpl::Limits TemplateLimits() {
  tmpl::Limits limits;
  limits.template_bytes = static_cast<uint32_t>(max_template_kb) * 1024;
  limits.nesting = static_cast<uint32_t>(max_nesting);
  limits.snippet_depth = static_cast<uint32_t>(max_snippet_depth);
  limits.program_operations = static_cast<uint32_t>(max_program_operations);
  limits.render_operations = static_cast<uint64_t>(max_render_operations);
  limits.output_bytes = static_cast<uint32_t>(max_output_kb) * 1024;
  limits.json_depth = static_cast<uint32_t>(max_json_depth);
  return limits;
}

}  // namespace promptreg::pg
