// Rendering three workloads, each beside copying the pieces of its output, which nothing can
// undercut.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/template/template.h"
#include "templates/workloads.h"

namespace promptreg {
namespace {

const bench::Workload& Get(const benchmark::State& state) {
  return bench::Workloads()[static_cast<size_t>(state.range(0))];
}

std::string Compiled(const bench::Workload& work, tmpl::Escape escape) {
  const std::string_view parts[] = {work.text};
  const tmpl::Source source = {.parts = parts,
                               .syntax = tmpl::Syntax::kMustache,
                               .escape = escape,
                               .declarations = {},
                               .snippets = json::Value::FromContainer(work.snippets.data())};
  std::string program;
  tmpl::Error error;
  if (!tmpl::Compile(source, {}, &program, &error)) std::abort();
  return program;
}

void RenderWith(benchmark::State& state, tmpl::Escape escape) {
  const bench::Workload& work = Get(state);
  const std::string program = Compiled(work, escape);
  const tmpl::ProgramView view(program.data());
  const json::Value variables = json::Value::FromContainer(work.variables.data());
  tmpl::Scratch* scratch = tmpl::NewScratch();
  const tmpl::RenderOptions options;
  tmpl::Error error;
  std::string_view output;
  for (auto _ : state) {
    if (tmpl::Bind(view, variables, true, options, scratch, &error) != tmpl::Code::kOk ||
        tmpl::Render(view, 0, options, scratch, &output, &error) != tmpl::Code::kOk) {
      std::abort();
    }
    benchmark::DoNotOptimize(output);
  }
  if (escape == tmpl::Escape::kNone && output != work.Output()) std::abort();
  state.counters["program"] = static_cast<double>(view.size());
  state.counters["output"] = static_cast<double>(output.size());
  tmpl::ReleaseScratch(scratch);
}

void BM_Render(benchmark::State& state) {
  RenderWith(state, tmpl::Escape::kNone);
}
void BM_RenderHtml(benchmark::State& state) {
  RenderWith(state, tmpl::Escape::kHtml);
}

void BM_Copy(benchmark::State& state) {
  const bench::Workload& work = Get(state);
  std::vector<std::string_view> pieces(work.pieces.begin(), work.pieces.end());
  const auto out = std::make_unique<char[]>(work.Output().size());
  for (auto _ : state) {
    char* at = out.get();
    for (const std::string_view piece : pieces) {
      std::memcpy(at, piece.data(), piece.size());
      at += piece.size();
    }
    benchmark::DoNotOptimize(at);
    benchmark::ClobberMemory();
  }
}

void BM_Compile(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Compiled(Get(state), tmpl::Escape::kNone));
}

BENCHMARK(BM_Copy)->DenseRange(0, 2);
BENCHMARK(BM_Render)->DenseRange(0, 2);
BENCHMARK(BM_RenderHtml)->DenseRange(0, 2);
BENCHMARK(BM_Compile)->DenseRange(0, 2);

}  // namespace
}  // namespace promptreg
