// JSON into a sink, without recursion.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "core/json/escape.h"
#include "core/json/value.h"

namespace promptreg::json {

enum class Emitted : uint8_t { kOk, kTooDeep, kStopped };

// A sink has
//   bool Put(char);  bool Append(const char*, size_t);  bool Number(Value);
//   Cursor* Level(uint32_t depth);   // working memory for each level, contents kept; null: none
//   left
// each of which can stop the output.
template <class Sink>
bool EmitString(std::string_view text, Sink& sink) {
  // In pieces, so that the sink gets to see how much has been done.
  constexpr size_t kPiece = 64 * 1024;
  if (!sink.Put('"')) return false;
  const char* at = text.data();
  size_t left = text.size();
  while (left > 0) {
    const size_t plain = PlainPrefix(at, std::min(left, kPiece));
    if (!sink.Append(at, plain)) return false;
    at += plain;
    left -= plain;
    if (left > 0 && NeedsEscape(*at)) {
      char escape[6];
      if (!sink.Append(escape, WriteEscape(*at, escape))) return false;
      ++at;
      --left;
    }
  }
  return sink.Put('"');
}

template <class Sink>
bool EmitScalar(Value value, Sink& sink) {
  switch (value.kind()) {
    case Kind::kString:
      return EmitString(value.string(), sink);
    case Kind::kNumber:
      return sink.Number(value);
    case Kind::kTrue:
      return sink.Append("true", 4);
    case Kind::kFalse:
      return sink.Append("false", 5);
    default:
      return sink.Append("null", 4);
  }
}

template <class Sink>
bool EmitLine(uint32_t blanks, Sink& sink) {
  constexpr std::string_view kBlanks = "                                ";
  if (!sink.Put('\n')) return false;
  while (blanks > kBlanks.size()) {
    if (!sink.Append(kBlanks.data(), kBlanks.size())) return false;
    blanks -= static_cast<uint32_t>(kBlanks.size());
  }
  return sink.Append(kBlanks.data(), blanks);
}

// Without white space, or with each member on a line, indented by so many blanks more than what it
// belongs to.
template <class Sink>
Emitted Emit(Value value, uint32_t max_depth, uint32_t indent, Sink& sink) {
  uint32_t depth = 0;
  for (;;) {
    bool first = false;
    if (value.kind() == Kind::kArray || value.kind() == Kind::kObject) {
      if (depth == max_depth) return Emitted::kTooDeep;
      Cursor* level = sink.Level(depth);
      if (level == nullptr) return Emitted::kStopped;
      *level = Cursor(value);
      if (!sink.Put(level->object() ? '{' : '[')) return Emitted::kStopped;
      ++depth;
      first = true;
    } else if (!EmitScalar(value, sink)) {
      return Emitted::kStopped;
    }
    for (;;) {
      if (depth == 0) return Emitted::kOk;
      Cursor* level = sink.Level(depth - 1);
      if (level == nullptr) return Emitted::kStopped;
      if (level->Next()) {
        if (!first && !sink.Put(',')) return Emitted::kStopped;
        if (indent > 0 && !EmitLine(depth * indent, sink)) return Emitted::kStopped;
        if (level->object() &&
            !(EmitString(level->key(), sink) && sink.Put(':') && (indent == 0 || sink.Put(' ')))) {
          return Emitted::kStopped;
        }
        value = level->value();
        break;
      }
      --depth;
      if (indent > 0 && !first && !EmitLine(depth * indent, sink)) return Emitted::kStopped;
      if (!sink.Put(level->object() ? '}' : ']')) return Emitted::kStopped;
      first = false;
    }
  }
}

}  // namespace promptreg::json
