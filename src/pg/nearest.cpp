// Names that look like a name, for hints.
#include <algorithm>

#include "pg/server.h"

namespace promptreg::pg {
namespace {

constexpr int kMostShown = 3;
constexpr int kLongest = 255;  // bytes that varstr_levenshtein compares

struct Candidate {
  int distance;
  Datum name;
};

// Ties go by name, so that the same question gets the same answer.
bool IsNearer(const Candidate& a, const Candidate& b) {
  if (a.distance != b.distance) return a.distance < b.distance;
  return TextView(DatumGetTextPP(a.name)) < TextView(DatumGetTextPP(b.name));
}

// Keeps the nearest few in order.
void Keep(Candidate* best, int* count, Candidate candidate) {
  int at = *count;
  while (at > 0 && IsNearer(candidate, best[at - 1])) --at;
  if (at >= kMostShown) return;
  for (int i = std::min(*count, kMostShown - 1); i > at; --i) best[i] = best[i - 1];
  best[at] = candidate;
  if (*count < kMostShown) ++*count;
}

int CommonEnds(std::string_view a, std::string_view b) {
  const size_t most = std::min(a.size(), b.size());
  size_t first = 0;
  while (first < most && a[first] == b[first]) ++first;
  size_t last = 0;
  while (first + last < most && a[a.size() - 1 - last] == b[b.size() - 1 - last]) ++last;
  return static_cast<int>(first + last);
}

}  // namespace
}  // namespace promptreg::pg

namespace pg = promptreg::pg;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_nearest);
PG_FUNCTION_INFO_V1(promptreg_common_ends);
Datum promptreg_nearest(PG_FUNCTION_ARGS);
Datum promptreg_common_ends(PG_FUNCTION_ARGS);

Datum promptreg_common_ends(PG_FUNCTION_ARGS) {
  PG_RETURN_INT32(
      pg::CommonEnds(pg::TextView(PG_GETARG_TEXT_PP(0)), pg::TextView(PG_GETARG_TEXT_PP(1))));
}

// (name text, candidates text[]) -> text[]
Datum promptreg_nearest(PG_FUNCTION_ARGS) {
  const std::string_view name = pg::TextView(PG_GETARG_TEXT_PP(0));
  Datum* names;
  bool* nulls;
  int name_count;
  deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls,
                    &name_count);

  pg::Candidate best[pg::kMostShown];
  int count = 0;
  const int length = static_cast<int>(name.size());
  // A third of the letters may differ, but at least two.
  const int tolerance = std::max(2, length / 3);
  for (int i = 0; i < name_count && length <= pg::kLongest; ++i) {
    CHECK_FOR_INTERRUPTS();
    if (nulls[i]) continue;
    const std::string_view candidate = pg::TextView(DatumGetTextPP(names[i]));
    const int candidate_length = static_cast<int>(candidate.size());
    if (candidate_length > pg::kLongest) continue;
    const int distance = varstr_levenshtein_less_equal(name.data(), length, candidate.data(),
                                                       candidate_length, 1, 1, 1, tolerance, true);
    if (distance <= tolerance) pg::Keep(best, &count, {distance, names[i]});
  }
  Datum values[pg::kMostShown];
  for (int i = 0; i < count; ++i) values[i] = best[i].name;
  PG_RETURN_ARRAYTYPE_P(construct_array(values, count, TEXTOID, -1, false, TYPALIGN_INT));
}
}
