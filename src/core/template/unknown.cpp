// Variables that were given and that a program does not have.
#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/json/layout.h"
#include "core/template/error_text.h"
#include "core/template/program.h"

namespace promptreg::tmpl {
namespace {

constexpr size_t kLongest = 64;           // bytes of names that are compared
constexpr uint32_t kMostCompared = 1000;  // of the program's names

// How many bytes must be inserted, removed or replaced to make one name of another.
size_t Distance(std::string_view from, std::string_view to) {
  size_t row[kLongest + 1];
  for (size_t j = 0; j <= to.size(); ++j) row[j] = j;
  for (size_t i = 0; i < from.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < to.size(); ++j) {
      const size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[to.size()];
}

// The program's variable with the most similar name; empty: none is.
std::string_view Nearest(const Layout& program, std::string_view name) {
  if (name.empty() || name.size() > kLongest) return {};
  std::string_view nearest;
  // A third of the bytes may differ, and two of short names, but not all.
  size_t least = std::min(std::max<size_t>(2, name.size() / 3), name.size() - 1) + 1;
  const uint32_t count = std::min(program.header().bound_count, kMostCompared);
  for (uint32_t i = 0; i < count; ++i) {
    const std::string_view known = program.name(i);
    if (known.size() > kLongest || known.size() + least <= name.size() ||
        name.size() + least <= known.size()) {
      continue;
    }
    const size_t distance = Distance(name, known);
    if (distance >= least) continue;
    least = distance;
    nearest = known;
  }
  return nearest;
}

bool Knows(const Layout& program, std::string_view name) {
  uint32_t begin = 0, end = program.header().bound_count;
  while (begin < end) {
    const uint32_t middle = begin + (end - begin) / 2;
    const int order = json::layout::CompareKeys(program.name(middle), name);
    if (order == 0) return true;
    if (order < 0) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return false;
}

}  // namespace

bool CheckKnown(ProgramView program, json::Value variables, Scratch* scratch,
                Error* error) noexcept {
  if (variables.kind() != json::Kind::kObject) return true;
  const Layout layout(program.data());
  *error = Error();
  constexpr uint64_t kListed = 1000;
  constexpr size_t kName = 250;  // quoted, at most
  ErrorText detail(error->detail);
  uint64_t unknown = 0;
  std::string_view first;
  for (json::Cursor cursor(variables); cursor.Next();) {
    if (Knows(layout, cursor.key())) continue;
    if (unknown++ == 0) {
      first = cursor.key();
      detail = StartList(std::min<uint64_t>(variables.size(), kListed), kName, scratch, error);
    }
    if (unknown > kListed) continue;
    detail << (unknown == 1 ? "Not a variable of the prompt: " : ", ");
    AppendQuoted(cursor.key(), &detail);
  }
  if (unknown == 0) return true;
  if (unknown > kListed) detail << " and " << unknown - kListed << " more";
  detail << ".";
  FinishList(error);
  error->code = Code::kUnknownVariable;
  ErrorText message(error->message);
  if (unknown == 1) {
    message << "variable ";
    AppendQuoted(first, &message);
    message << " is unknown";
  } else {
    message << unknown << " variables are unknown";
  }
  const std::string_view nearest = Nearest(layout, first);
  if (nearest.empty()) return false;
  ErrorText hint(error->hint);
  hint << "Perhaps ";
  AppendQuoted(nearest, &hint);
  hint << " was meant instead of ";
  AppendQuoted(first, &hint);
  hint << ".";
  return false;
}

}  // namespace promptreg::tmpl
