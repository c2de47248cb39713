// The same three workloads with kainjow mustache, where it is installed.
#if __has_include(<kainjow/mustache.hpp>)
#include <cstdlib>
#include <string>

#include <benchmark/benchmark.h>
#include <kainjow/mustache.hpp>

#include "core/json/value.h"
#include "core/json/write.h"
#include "templates/workloads.h"

namespace promptreg {
namespace {

using kainjow::mustache::data;

// It knows no numbers: what is no list and no object is a text, or true or false.
data Converted(json::Value value) {
  switch (value.kind()) {
    case json::Kind::kTrue:
      return data(data::type::bool_true);
    case json::Kind::kFalse:
      return data(data::type::bool_false);
    case json::Kind::kString:
      return data(std::string(value.string()));
    case json::Kind::kArray: {
      data list(data::type::list);
      for (json::Cursor cursor(value); cursor.Next();) list.push_back(Converted(cursor.value()));
      return list;
    }
    case json::Kind::kObject: {
      data object(data::type::object);
      for (json::Cursor cursor(value); cursor.Next();) {
        object.set(std::string(cursor.key()), Converted(cursor.value()));
      }
      return object;
    }
    default: {
      std::string text;
      json::AppendCompact(value, 1, &text);
      return data(text);
    }
  }
}

void BM_Kainjow(benchmark::State& state) {
  const bench::Workload& work = bench::Workloads()[static_cast<size_t>(state.range(0))];
  kainjow::mustache::mustache parsed(work.text);
  parsed.set_custom_escape([](const std::string& text) { return text; });
  data variables = Converted(json::Value::FromContainer(work.variables.data()));
  for (json::Cursor cursor(json::Value::FromContainer(work.snippets.data())); cursor.Next();) {
    const std::string text(cursor.value().string());
    variables.set(std::string(cursor.key()),
                  data(kainjow::mustache::partial([text] { return text; })));
  }
  std::string output;
  for (auto _ : state) {
    output = parsed.render(variables);
    benchmark::DoNotOptimize(output);
  }
  if (output != work.Output()) std::abort();
}

BENCHMARK(BM_Kainjow)->DenseRange(0, 2);

}  // namespace
}  // namespace promptreg
#endif
