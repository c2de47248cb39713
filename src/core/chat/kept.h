// What looks like a tag where nothing is rendered.
#pragma once

#include <string>
#include <vector>

#include "core/chat/chat.h"

namespace promptreg::chat {

struct KeptTag {
  Place place;
  std::string key;  // the path to it in the part, such as file.file_data
  std::string tag;  // as it is written
};

// The first tag of Mustache in each key of parts of contents that is kept as it is, up to so many.
std::vector<KeptTag> FindKeptTags(json::Value messages, size_t most);

}  // namespace promptreg::chat
