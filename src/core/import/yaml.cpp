#include "core/import/yaml.h"

#include <algorithm>
#include <new>
#include <unordered_set>

#include <yaml.h>

#include "core/json/numeric.h"

namespace promptreg::imports {

using json::Kind;

namespace {

constexpr int kMostDepth = 32;

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> others) {
  return std::find(others.begin(), others.end(), text) != others.end();
}

bool IsDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// JSON's text of a number that YAML writes with leading zeros, a plus, or nothing on one side of
// the point. Empty: it is no number.
std::string NumberText(std::string_view text) {
  std::string number;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    if (text[0] == '-') number = "-";
    text.remove_prefix(1);
  }
  const size_t exponent = std::min(text.find_first_of("eE"), text.size());
  const std::string_view mantissa = text.substr(0, exponent);
  const size_t point = std::min(mantissa.find('.'), mantissa.size());
  std::string_view whole = mantissa.substr(0, point);
  const std::string_view fraction = mantissa.substr(std::min(point + 1, mantissa.size()));
  if (whole.empty() && fraction.empty()) return {};
  if ((!whole.empty() && !IsDigits(whole)) || (!fraction.empty() && !IsDigits(fraction))) return {};
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  number.append(whole.empty() ? "0" : whole);
  if (!fraction.empty()) number.append(".").append(fraction);
  number.append(text.substr(exponent));
  std::string varlena;
  return json::ParseNumber(number, &varlena) ? number : std::string();
}

// What an unquoted scalar means.
void Interpret(Yaml* scalar) {
  const std::string_view text = scalar->text;
  if (IsOneOf(text, {"", "~", "null", "Null", "NULL"})) {
    scalar->kind = Kind::kNull;
  } else if (IsOneOf(text, {"true", "True", "TRUE"})) {
    scalar->kind = Kind::kTrue;
  } else if (IsOneOf(text, {"false", "False", "FALSE"})) {
    scalar->kind = Kind::kFalse;
  } else if (std::string number = NumberText(text); !number.empty()) {
    scalar->kind = Kind::kNumber;
    scalar->text = std::move(number);
  }
}

struct Event : yaml_event_t {
  Event() : yaml_event_t() {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { yaml_event_delete(this); }
};

class Reader {
 public:
  Reader(std::string_view text, size_t begin, size_t end, YamlProblem* problem)
      : text_(text.substr(0, end)), byte_(begin), problem_(problem) {
    if (yaml_parser_initialize(&parser_) == 0) throw std::bad_alloc();
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(
        &parser_, reinterpret_cast<const unsigned char*>(text_.data() + begin), end - begin);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { yaml_parser_delete(&parser_); }

  bool Run(Yaml* root) {
    for (;;) {
      Event event;
      if (!Next(&event)) return false;
      switch (event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
          break;
        case YAML_DOCUMENT_START_EVENT:
          if (documents_++ > 0) return Fail(event.start_mark, "a second document");
          break;
        case YAML_STREAM_END_EVENT:
          return true;
        default:
          if (!Read(event, 0, root)) return false;
      }
    }
  }

 private:
  // The library counts characters; what it says comes in the order of the text, nearly.
  size_t Position(const yaml_mark_t& mark) {
    while (character_ < mark.index && byte_ < text_.size()) {
      ++byte_;
      while (byte_ < text_.size() && (static_cast<unsigned char>(text_[byte_]) & 0xC0) == 0x80) {
        ++byte_;
      }
      ++character_;
    }
    return byte_;
  }

  bool Fail(const yaml_mark_t& mark, std::string message) {
    problem_->position = Position(mark);
    problem_->message = std::move(message);
    return false;
  }

  bool Next(Event* event) {
    if (yaml_parser_parse(&parser_, event) != 0) return true;
    if (parser_.error == YAML_MEMORY_ERROR) throw std::bad_alloc();
    return Fail(parser_.error == YAML_READER_ERROR ? parser_.mark : parser_.problem_mark,
                parser_.problem != nullptr ? parser_.problem : "it cannot be read");
  }

  // What an event starts; depth is bounded, and so is recursion.
  bool Read(const Event& event, int depth, Yaml* value) {
    value->position = Position(event.start_mark);
    if (depth > kMostDepth) {
      return Fail(event.start_mark, "more than " + std::to_string(kMostDepth) + " levels");
    }
    switch (event.type) {
      case YAML_SCALAR_EVENT:
        if (event.data.scalar.tag != nullptr) return Fail(event.start_mark, "a tag of a type");
        value->kind = Kind::kString;
        value->text.assign(reinterpret_cast<const char*>(event.data.scalar.value),
                           event.data.scalar.length);
        if (value->text.find('\0') != std::string::npos) {
          return Fail(event.start_mark, "a zero byte");
        }
        if (event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE) Interpret(value);
        return true;
      case YAML_SEQUENCE_START_EVENT:
        value->kind = Kind::kArray;
        return event.data.sequence_start.tag == nullptr ? ReadItems(depth, value)
                                                        : Fail(event.start_mark, "a tag of a type");
      case YAML_MAPPING_START_EVENT:
        value->kind = Kind::kObject;
        return event.data.mapping_start.tag == nullptr ? ReadPairs(depth, value)
                                                       : Fail(event.start_mark, "a tag of a type");
      default:
        return Fail(event.start_mark, "an alias");
    }
  }

  bool ReadItems(int depth, Yaml* list) {
    for (;;) {
      Event event;
      if (!Next(&event)) return false;
      if (event.type == YAML_SEQUENCE_END_EVENT) return true;
      if (!Read(event, depth + 1, &list->items.emplace_back())) return false;
    }
  }

  bool ReadPairs(int depth, Yaml* mapping) {
    std::unordered_set<std::string> seen;
    for (;;) {
      Event event;
      if (!Next(&event)) return false;
      if (event.type == YAML_MAPPING_END_EVENT) return true;
      if (event.type != YAML_SCALAR_EVENT) return Fail(event.start_mark, "a key that is no text");
      Yaml::Key key = {.text = {reinterpret_cast<const char*>(event.data.scalar.value),
                                event.data.scalar.length},
                       .position = Position(event.start_mark)};
      if (key.text.find('\0') != std::string::npos) return Fail(event.start_mark, "a zero byte");
      if (!seen.insert(key.text).second) return Fail(event.start_mark, "a key for the second time");
      mapping->keys.push_back(std::move(key));
      Event value;
      if (!Next(&value) || !Read(value, depth + 1, &mapping->items.emplace_back())) return false;
    }
  }

  const std::string_view text_;
  size_t byte_;  // of the text, where character_ is
  size_t character_ = 0;
  int documents_ = 0;
  YamlProblem* problem_;
  yaml_parser_t parser_;
};

}  // namespace

const Yaml* Yaml::Find(std::string_view key) const {
  for (size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].text == key) return &items[i];
  }
  return nullptr;
}

bool ReadYaml(std::string_view text, size_t begin, size_t end, Yaml* root, YamlProblem* problem) {
  *root = Yaml();
  return Reader(text, begin, end, problem).Run(root);
}

void AddYaml(const Yaml& value, json::Builder* builder) {
  switch (value.kind) {
    case Kind::kString:
      return builder->String(value.text);
    case Kind::kNumber:
      builder->Number(value.text);
      return;
    case Kind::kTrue:
    case Kind::kFalse:
      return builder->Bool(value.kind == Kind::kTrue);
    case Kind::kArray:
      builder->BeginArray();
      for (const Yaml& item : value.items) AddYaml(item, builder);
      return builder->EndArray();
    case Kind::kObject:
      builder->BeginObject();
      for (size_t i = 0; i < value.keys.size(); ++i) {
        builder->Key(value.keys[i].text);
        AddYaml(value.items[i], builder);
      }
      return builder->EndObject();
    default:
      return builder->Null();
  }
}

}  // namespace promptreg::imports
