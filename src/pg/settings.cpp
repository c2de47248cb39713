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

enum { kPlainUsers, kHashedUsers };
const config_enum_entry kUserPrivacies[] = {
    {"plain", kPlainUsers, false}, {"hash", kHashedUsers, false}, {nullptr, 0, false}};
int user_privacy = kPlainUsers;
char* user_privacy_key = nullptr;

enum { kByDay, kByMonth };
const config_enum_entry kPartitionIntervals[] = {
    {"day", kByDay, false}, {"month", kByMonth, false}, {nullptr, 0, false}};
int partition_interval = kByMonth;
bool count_resolves = true;

const config_enum_entry kUnknownVariables[] = {
    {"ignore", static_cast<int>(UnknownVariables::kIgnore), false},
    {"warn", static_cast<int>(UnknownVariables::kWarn), false},
    {"error", static_cast<int>(UnknownVariables::kError), false},
    {nullptr, 0, false}};
int unknown_variables = static_cast<int>(UnknownVariables::kIgnore);

void DefineLimit(const char* name, const char* description, int* value, int most, int flags) {
  DefineCustomIntVariable(name, description, nullptr, value, *value, 1, most, PGC_SUSET, flags,
                          nullptr, nullptr, nullptr);
}

char* maintained_database = nullptr;
int guard_check_every = 0;
int maintenance_interval_s = 60;

void DefineMaintenanceSettings() {
  DefineCustomIntVariable("promptreg.guard_check_every",
                          "Every how many outcomes prompt_feedback judges the prompt's guards.",
                          "On average; 0: never.", &guard_check_every, guard_check_every, 0,
                          1'000'000, PGC_SUSET, 0, nullptr, nullptr, nullptr);
  // Only what the server read at its start can start a worker; where the library is not preloaded
  // the setting says nothing.
  DefineCustomStringVariable(
      "promptreg.database", "Database in which a background worker calls maintenance.",
      "Empty: there is no worker. Takes shared_preload_libraries.", &maintained_database, "",
      process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP, 0, nullptr,
      nullptr, nullptr);
  DefineCustomIntVariable("promptreg.maintenance_interval",
                          "Time between two runs of maintenance by the worker.", nullptr,
                          &maintenance_interval_s, maintenance_interval_s, 1, 24 * 3600, PGC_SIGHUP,
                          GUC_UNIT_S, nullptr, nullptr, nullptr);
}

// What is recorded is no session's own business: superusers only.
void DefineTelemetrySettings() {
  DefineCustomEnumVariable(
      "promptreg.partition_interval", "How long partitions of executions and outcomes are.",
      "Applies to partitions that are made from then on.", &partition_interval, partition_interval,
      kPartitionIntervals, PGC_SUSET, 0, nullptr, nullptr, nullptr);
  DefineCustomEnumVariable("promptreg.user_privacy", "How prompt_log records users.",
                           "plain: as given; hash: HMAC-SHA-256 with promptreg.user_privacy_key.",
                           &user_privacy, user_privacy, kUserPrivacies, PGC_SUSET, 0, nullptr,
                           nullptr, nullptr);
  DefineCustomStringVariable("promptreg.user_privacy_key", "Key of the hashes of users.", nullptr,
                             &user_privacy_key, "", PGC_SUSET, GUC_SUPERUSER_ONLY, nullptr, nullptr,
                             nullptr);
  DefineCustomBoolVariable("promptreg.count_resolves",
                           "Whether resolves are counted in shared memory.",
                           "promptreg.resolve_stats shows them.", &count_resolves, count_resolves,
                           PGC_SUSET, 0, nullptr, nullptr, nullptr);
}

}  // namespace

void DefineSettings() {
  DefineCustomIntVariable(
      "promptreg.cache_size", "Memory for routes and compiled versions in each backend.",
      "When it is exceeded, those least recently used go first.", &cache_size_kb, cache_size_kb, 64,
      4 * 1024 * 1024, PGC_USERSET, GUC_UNIT_KB, nullptr, nullptr, nullptr);
  DefineCustomEnumVariable("promptreg.unknown_variables",
                           "What happens to variables that a prompt does not have.",
                           "ignore, warn, or error.", &unknown_variables, unknown_variables,
                           kUnknownVariables, PGC_USERSET, 0, nullptr, nullptr, nullptr);
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
  DefineTelemetrySettings();
  DefineMaintenanceSettings();
  MarkGUCPrefixReserved("promptreg");
}

size_t CacheBound() {
  return static_cast<size_t>(cache_size_kb) * 1024;
}

UnknownVariables UnknownVariablesSetting() {
  return static_cast<UnknownVariables>(unknown_variables);
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

bool UserPrivacyHashes() {
  return user_privacy == kHashedUsers;
}

std::string_view UserPrivacyKey() {
  return user_privacy_key;
}

bool CountsResolves() {
  return count_resolves;
}

const char* MaintainedDatabase() {
  return maintained_database == nullptr ? "" : maintained_database;
}

int MaintenanceInterval() {
  return maintenance_interval_s;
}

}  // namespace promptreg::pg
