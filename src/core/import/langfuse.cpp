#include "core/import/langfuse.h"

#include <algorithm>

#include "core/import/lines.h"
#include "core/import/refusal.h"
#include "core/json/builder.h"
#include "core/template/parser.h"

namespace promptreg::imports {
namespace {

using json::Kind;
using json::Value;

constexpr std::string_view kWhite = " \t\r\n\v\f";
constexpr std::string_view kReference = "@@@langfusePrompt:";
constexpr std::string_view kEnd = "@@@";
constexpr std::string_view kReferenceHint =
    "A reference is @@@langfusePrompt:name=...|version=...@@@ or "
    "@@@langfusePrompt:name=...|label=...@@@.";

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kWhite);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhite) - first + 1);
}

class Converter {
 public:
  Converter(std::string_view text, std::string* out, tmpl::Error* error)
      : text_(text), out_(out), error_(error) {}

  bool Run() {
    out_->clear();
    size_t brace = text_.find("{{");
    size_t reference = text_.find(kReference);
    while (brace != std::string_view::npos || reference != std::string_view::npos) {
      if (!(brace < reference ? Variable(brace) : Reference(reference))) return false;
      if (brace < done_) brace = text_.find("{{", done_);
      if (reference < done_) reference = text_.find(kReference, done_);
    }
    out_->append(text_.substr(done_));
    return true;
  }

 private:
  bool Fail(size_t position, std::string_view message, std::string_view hint) {
    return Refuse(text_, position, message, hint, error_);
  }

  // The text before a tag. Backslashes mean nothing in Langfuse; here the last one before a tag
  // takes the meaning from the tag, or from the backslash before it.
  void CopyUpTo(size_t tag) {
    out_->append(text_.substr(done_, tag - done_));
    if (tag > done_ && text_[tag - 1] == '\\') *out_ += '\\';
  }

  bool Variable(size_t tag) {
    const size_t close = text_.find("}}", tag + 2);
    if (close == std::string_view::npos) {
      return Fail(tag, "tag is not closed", "Variables are {{name}}.");
    }
    const std::string_view whole = text_.substr(tag, close + 2 - tag);
    const std::string_view name = Trim(text_.substr(tag + 2, close - tag - 2));
    const std::string_view problem = VariableProblem(name);
    if (!problem.empty()) {
      return Fail(tag, "invalid tag " + tmpl::QuoteTag(whole) + ": " + std::string(problem),
                  "Of what may stand between double braces, Langfuse's SDKs agree on names of "
                  "variables alone.");
    }
    CopyUpTo(tag);
    out_->append("{{").append(name).append("}}");
    done_ = close + 2;
    return true;
  }

  static std::string_view VariableProblem(std::string_view name) {
    if (name.empty()) return "an empty tag";
    if (std::string_view("#^/><$&!={").find(name[0]) != std::string_view::npos) {
      return "Langfuse has variables, not sections, comments or partials";
    }
    if (name.find('.') != std::string_view::npos) {
      return "some of Langfuse's SDKs take a dot as a part of the name, others do not";
    }
    const std::string_view problem = tmpl::NameProblem(name);
    return problem.empty() ? tmpl::IdentifierProblem(name) : problem;
  }

  bool Reference(size_t tag) {
    const size_t from = tag + kReference.size();
    const size_t close = text_.find(kEnd, from);
    if (close == std::string_view::npos ||
        text_.substr(from, close - from).find('\n') != std::string_view::npos) {
      return Fail(tag, "reference is not closed", kReferenceHint);
    }
    const std::string_view content = text_.substr(from, close - from);
    const size_t pipe = content.find('|');
    std::string_view name = content.substr(0, pipe);
    std::string_view which = pipe == std::string_view::npos ? "" : content.substr(pipe + 1);
    const bool pinned = which.starts_with("version=");
    if (!name.starts_with("name=") || (!pinned && !which.starts_with("label="))) {
      return Fail(tag, "invalid reference", kReferenceHint);
    }
    name.remove_prefix(std::string_view("name=").size());
    which.remove_prefix(which.find('=') + 1);
    if (const std::string_view problem = ReferenceProblem(name, which, pinned); !problem.empty()) {
      return Fail(tag, "invalid reference: " + std::string(problem), kReferenceHint);
    }
    if (tag > done_ && text_[tag - 1] == '{') {
      return Fail(tag, "a brace stands directly before the reference", "Put a blank between them.");
    }

    CopyUpTo(tag);
    out_->append("{{> ").append(name).append("@").append(which).append("}}");
    size_t next;
    const size_t end = close + kEnd.size();
    if (StartsLine(text_, tag, done_) && EndsLine(text_, end, &next)) out_->append(kGuard);
    done_ = end;
    return true;
  }

  static std::string_view ReferenceProblem(std::string_view name, std::string_view which,
                                           bool pinned) {
    const bool number = which.find_first_not_of("0123456789") == std::string_view::npos;
    if (name.empty() || which.empty()) return "an empty name";
    if (name.find('=') != std::string_view::npos || which.find('=') != std::string_view::npos) {
      return "an equals sign in a name";
    }
    if (name[0] == '*') return "a name that starts with a star";
    if (pinned && (!number || which.size() > 9)) return "a version that is no number";
    if (!pinned && number) return "a label that is a number names a version here";
    if (which.find('@') != std::string_view::npos) return "a character that no name has";
    const std::string_view problem = tmpl::SnippetProblem(name);
    return problem.empty() ? tmpl::SnippetProblem(which) : problem;
  }

  const std::string_view text_;
  std::string* out_;
  tmpl::Error* error_;
  size_t done_ = 0;  // everything before this has been converted
};

bool IsString(Value value, std::string_view text) {
  return value.kind() == Kind::kString && value.string() == text;
}

bool RefuseItem(std::string_view message, tmpl::Error* error) {
  *error = tmpl::Error();
  error->code = tmpl::Code::kNoCounterpart;
  tmpl::ErrorText(error->message) << message;
  return false;
}

bool ConvertMessage(Value message, json::Builder* builder, tmpl::Error* error) {
  builder->BeginObject();
  for (json::Cursor cursor(message); cursor.Next();) {
    const Value value = cursor.value();
    const bool content = cursor.key() == "content";
    if (content && value.kind() == Kind::kArray) {
      return RefuseItem("messages of Langfuse have a text as their content, not parts", error);
    }
    // Langfuse tells messages from placeholders by it.
    if (cursor.key() == "type" && IsString(value, "chatmessage")) continue;
    builder->Key(cursor.key());
    if (!content || value.kind() != Kind::kString) {
      builder->Add(value);
      continue;
    }
    std::string mustache;
    if (!ConvertLangfuse(value.string(), &mustache, error)) return false;
    builder->String(mustache);
  }
  builder->EndObject();
  return true;
}

}  // namespace

bool ConvertLangfuse(std::string_view text, std::string* mustache, tmpl::Error* error) {
  return Converter(text, mustache, error).Run();
}

bool ConvertLangfuseMessages(Value messages, std::string* container, chat::Place* place,
                             tmpl::Error* error) {
  json::Builder builder;
  builder.BeginArray();
  *place = {};
  for (json::Cursor cursor(messages); cursor.Next();) {
    ++place->item;
    switch (chat::TypeOf(cursor.value())) {
      case chat::ItemType::kMessage:
        if (!ConvertMessage(cursor.value(), &builder, error)) return false;
        break;
      case chat::ItemType::kPlaceholder:
        builder.Add(cursor.value());
        break;
      case chat::ItemType::kExamples:
        return RefuseItem("Langfuse has no lists of examples", error);
    }
  }
  builder.EndArray();
  *container = builder.Finish();
  return true;
}

}  // namespace promptreg::imports
