#include "core/json/builder.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/json/layout.h"
#include "core/json/numeric.h"

namespace promptreg::json {

using layout::CompareKeys;
using layout::kArrayFlag;
using layout::kContainer;
using layout::kCountMask;
using layout::kFalse;
using layout::kHasOffset;
using layout::kLengthMask;
using layout::kNull;
using layout::kNumeric;
using layout::kObjectFlag;
using layout::kScalarFlag;
using layout::kStride;
using layout::kString;
using layout::kTrue;
using layout::Offset;

namespace {

void Store32(uint32_t word, size_t at, std::string* out) {
  std::memcpy(out->data() + at, &word, sizeof(word));
}

// A container's own bytes; Value does not know them for one at the root.
std::string_view ContainerBytes(Value value) {
  const uint32_t entries = value.size() * (value.kind() == Kind::kObject ? 2 : 1);
  const size_t head = 4 + size_t{entries} * 4;
  return {value.data(), head + Offset(value.data() + 4, entries)};
}

}  // namespace

Builder::Builder() {
  frames_.emplace_back();
}

void Builder::AddItem(uint32_t type, std::string_view bytes) {
  Frame& frame = frames_.back();
  if (!frame.object || frame.items.empty() || frame.items.back().type != kHasOffset) {
    frame.items.emplace_back();
  }
  Item& item = frame.items.back();
  if (frame.data.size() + bytes.size() > kLengthMask) too_large_ = true;
  if (too_large_) bytes = {};
  item.type = type;
  item.begin = static_cast<uint32_t>(frame.data.size());
  item.length = static_cast<uint32_t>(bytes.size());
  frame.data += bytes;
}

void Builder::Null() {
  AddItem(kNull, {});
}
void Builder::Bool(bool value) {
  AddItem(value ? kTrue : kFalse, {});
}
void Builder::String(std::string_view text) {
  AddItem(kString, text);
}

bool Builder::Number(std::string_view text) {
  std::string varlena;
  if (!ParseNumber(text, &varlena)) {
    Null();
    return false;
  }
  AddItem(kNumeric, varlena);
  return true;
}

void Builder::Add(Value value) {
  switch (value.kind()) {
    case Kind::kMissing:
    case Kind::kNull:
      return Null();
    case Kind::kFalse:
      return Bool(false);
    case Kind::kTrue:
      return Bool(true);
    case Kind::kString:
      return String(value.string());
    case Kind::kNumber:
      return AddItem(kNumeric, {value.data(), value.length()});
    case Kind::kArray:
    case Kind::kObject:
      return AddItem(kContainer, ContainerBytes(value));
  }
}

// A key waits for its value as an item of no type.
void Builder::Key(std::string_view key) {
  Frame& frame = frames_.back();
  Item item;
  item.type = kHasOffset;
  item.key = static_cast<uint32_t>(frame.keys.size());
  item.key_length = static_cast<uint32_t>(key.size());
  if (frame.keys.size() + key.size() > kLengthMask) {
    too_large_ = true;
    item.key_length = 0;
    key = {};
  }
  frame.keys += key;
  frame.items.push_back(item);
}

void Builder::Begin(bool object) {
  frames_.emplace_back();
  frames_.back().object = object;
}

void Builder::End() {
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  AddItem(kContainer, Serialize(frame, frame.object ? kObjectFlag : kArrayFlag));
}

std::string Builder::Serialize(const Frame& frame, uint32_t flags) {
  std::vector<const Item*> items;
  items.reserve(frame.items.size());
  for (const Item& item : frame.items) items.push_back(&item);
  const auto key = [&](const Item* item) {
    return std::string_view(frame.keys).substr(item->key, item->key_length);
  };
  if (frame.object) {
    std::stable_sort(items.begin(), items.end(), [&](const Item* left, const Item* right) {
      return CompareKeys(key(left), key(right)) < 0;
    });
    size_t kept = 0;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i + 1 < items.size() && key(items[i]) == key(items[i + 1])) continue;
      items[kept++] = items[i];
    }
    items.resize(kept);
  }

  const size_t count = items.size();
  const size_t entries = frame.object ? count * 2 : count;
  std::string out(4 + entries * 4, '\0');
  if (count > kCountMask) too_large_ = true;
  Store32(static_cast<uint32_t>(count) | flags, 0, &out);
  const size_t base = out.size();
  size_t index = 0;
  const auto add = [&](uint32_t type, std::string_view bytes) {
    const size_t before = out.size() - base;
    if (type == kNumeric || type == kContainer) out.resize(base + (before + 3) / 4 * 4);
    out += bytes;
    const size_t end = out.size() - base;
    if (end > kLengthMask) too_large_ = true;
    const size_t measure = index % kStride == 0 ? end : end - before;
    const uint32_t entry = type | (static_cast<uint32_t>(measure) & kLengthMask) |
                           (index % kStride == 0 ? kHasOffset : 0);
    Store32(entry, 4 + index * 4, &out);
    ++index;
  };
  if (frame.object) {
    for (const Item* item : items) add(kString, key(item));
  }
  for (const Item* item : items) {
    add(item->type, std::string_view(frame.data).substr(item->begin, item->length));
  }
  return out;
}

std::string Builder::Finish() {
  Frame frame = std::move(frames_.front());
  frames_.clear();
  frames_.emplace_back();
  if (frame.items.empty()) frame.items.push_back({.type = kNull});
  std::string out;
  if (frame.items[0].type == kContainer) {
    out = frame.data;
  } else {
    out = Serialize(frame, kArrayFlag | kScalarFlag);
  }
  if (std::exchange(too_large_, false)) out.clear();
  return out;
}

}  // namespace promptreg::json
