// Rendering: template, snippets and variables all come from the fuzzer.
#include <span>
#include <vector>

#include "core/template/template.h"
#include "support.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace promptreg;
  FuzzedDataProvider data(bytes, size);
  const uint8_t choice = data.ConsumeIntegral<uint8_t>();
  const std::string text = fuzz::Text(data.ConsumeRandomLengthString(2000));
  json::Builder builder;
  builder.BeginObject();
  for (int count = data.ConsumeIntegralInRange<int>(0, 4); count > 0; --count) {
    builder.Key(fuzz::Name(data));
    builder.String(fuzz::Text(data.ConsumeRandomLengthString(500)));
  }
  builder.EndObject();
  const std::string snippets = builder.Finish();
  fuzz::AddValue(data, 8, &builder);
  const std::string variables = builder.Finish();

  const std::string_view parts[] = {text};
  tmpl::Source source;
  source.parts = parts;
  source.syntax = (choice & 3) == 3 ? tmpl::Syntax::kFString : tmpl::Syntax::kMustache;
  source.escape = (choice & 4) != 0 ? tmpl::Escape::kHtml : tmpl::Escape::kNone;
  source.snippets = json::Value::FromContainer(snippets.data());
  tmpl::RenderOptions options;
  options.limits = fuzz::SmallLimits();
  std::string program;
  tmpl::Error error;
  if (!tmpl::Compile(source, options.limits, &program, &error)) {
    fuzz::CheckError(error);
    return 0;
  }
  // At an address of its own and exactly as large as it says.
  std::vector<uint64_t> moved(program.size() / 8);
  fuzz::Require(moved.size() * 8 == program.size());
  std::memcpy(moved.data(), program.data(), program.size());
  program.assign(program.size(), '\xFF');
  const tmpl::ProgramView view(moved.data());

  static tmpl::Scratch* const scratch = tmpl::NewScratch();
  std::string_view output;
  std::string first;
  for (int round = 0; round < 2; ++round) {
    tmpl::Code code = tmpl::Bind(view, json::Value::FromContainer(variables.data()),
                                 (choice & 8) != 0, options, scratch, &error);
    if (code == tmpl::Code::kOk) code = tmpl::Render(view, 0, options, scratch, &output, &error);
    if (code != tmpl::Code::kOk) {
      fuzz::Require(code == error.code);
      fuzz::CheckError(error);
      return 0;
    }
    fuzz::Require(output.size() <= options.limits.output_bytes && fuzz::IsUtf8(output));
    if (round == 0) {
      first = output;
    } else {
      fuzz::Require(first == output);
    }
  }

  // The same with origins, which cover it all.
  std::span<const tmpl::Span> spans;
  const tmpl::Code code = tmpl::RenderTraced(view, 0, options, scratch, &output, &spans, &error);
  if (code != tmpl::Code::kOk) return 0;  // the renderings before have used up what is allowed
  fuzz::Require(first == output);
  size_t at = 0;
  for (const tmpl::Span& span : spans) {
    fuzz::Require(span.begin == at && span.begin < span.end);
    at = span.end;
  }
  fuzz::Require(at == output.size());
  return 0;
}
