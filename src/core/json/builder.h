// Makes values in the jsonb layout from a sequence of calls, such as
//   builder.BeginObject(); builder.Key("a"); builder.Number("1"); builder.EndObject();
// Of equal keys the last one wins, as in PostgreSQL.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/value.h"

namespace promptreg::json {

class Builder {
 public:
  Builder();
  void Null();
  void Bool(bool value);
  bool Number(std::string_view text);  // false, and null instead: not a number in JSON's syntax
  void String(std::string_view text);
  void Add(Value value);  // a copy
  void BeginArray() { Begin(false); }
  void EndArray() { End(); }
  void BeginObject() { Begin(true); }
  void Key(std::string_view key);
  void EndObject() { End(); }

  // The root container, and an empty builder. Empty: some container got larger than the layout
  // allows. The bytes of a std::string are aligned well enough to be viewed in place.
  std::string Finish();

 private:
  struct Item {
    uint32_t key = 0, key_length = 0;
    uint32_t type = 0;
    uint32_t begin = 0, length = 0;  // within data
  };
  struct Frame {
    bool object = false;
    std::vector<Item> items;
    std::string keys, data;
  };

  void Begin(bool object);
  void End();
  void AddItem(uint32_t type, std::string_view bytes);
  std::string Serialize(const Frame& frame, uint32_t flags);

  std::vector<Frame> frames_;  // the first holds the root
  bool too_large_ = false;
};

}  // namespace promptreg::json
