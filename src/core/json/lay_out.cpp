#include <algorithm>
#include <cstring>

#include "core/json/layout.h"
#include "core/json/outline.h"

namespace promptreg::json {
namespace {

using layout::CompareKeys;

// The keys of an object in the layout's order, each once; of equal ones the last one stays.
class KeyOrder {
 public:
  KeyOrder(Outline* outline, Interrupt interrupt) : outline_(outline), interrupt_(interrupt) {}

  // Appends the keys of an object of `count` members whose first key is the note `first` to the
  // outline's `order`, at `begin`. *count: how many have stayed.
  Outcome Append(uint32_t first, uint32_t begin, uint32_t* count) noexcept {
    // Merging needs the same once more.
    if (!outline_->order.Reserve(size_t{begin} + size_t{*count} * 2)) return Outcome::kOutOfMemory;
    uint32_t* const keys = outline_->order.data + begin;
    bool sorted = true;
    for (uint32_t i = 0; i < *count; ++i) {
      keys[i] = first;
      if (i > 0 && Compare(keys[i - 1], first) >= 0) sorted = false;
      first = outline_->notes.data[first + 1].next;
      if (!Poll(i)) return Outcome::kInterrupted;
    }
    if (sorted) return Outcome::kOk;
    if (!Sort(keys, *count)) return Outcome::kInterrupted;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; ++i) {
      if (i + 1 < *count && Compare(keys[i], keys[i + 1]) == 0) continue;
      keys[kept++] = keys[i];
    }
    *count = kept;
    return Outcome::kOk;
  }

 private:
  static constexpr uint32_t kRun = 1024;

  int Compare(uint32_t left, uint32_t right) const noexcept {
    const Note* notes = outline_->notes.data;
    return CompareKeys(outline_->bytes(notes[left]), outline_->bytes(notes[right]));
  }
  // Equal keys stay in the order of the text.
  bool Less(uint32_t left, uint32_t right) const noexcept {
    const int order = Compare(left, right);
    return order != 0 ? order < 0 : left < right;
  }

  // False: interrupted. Short runs first, which are merged then: std::sort of a million cannot be
  // stopped.
  bool Sort(uint32_t* keys, uint32_t count) noexcept {
    for (uint32_t begin = 0; begin < count; begin += kRun) {
      std::sort(keys + begin, keys + std::min(begin + kRun, count),
                [this](uint32_t left, uint32_t right) { return Less(left, right); });
      if (!Poll(0)) return false;
    }
    for (uint64_t width = kRun; width < count; width *= 2) {
      uint32_t* merged = keys + count;
      for (uint64_t begin = 0; begin < count; begin += 2 * width) {
        const uint64_t middle = std::min<uint64_t>(begin + width, count);
        const uint64_t end = std::min<uint64_t>(middle + width, count);
        if (!Merge(keys + begin, keys + middle, keys + end, merged + begin)) return false;
      }
      std::memcpy(keys, merged, size_t{count} * sizeof(*keys));
    }
    return true;
  }

  bool Merge(const uint32_t* left, const uint32_t* middle, const uint32_t* end,
             uint32_t* out) noexcept {
    const uint32_t* right = middle;
    for (uint32_t step = 1; left < middle && right < end; ++step) {
      *out++ = Less(*right, *left) ? *right++ : *left++;
      if (!Poll(step)) return false;
    }
    out = std::copy(left, middle, out);
    std::copy(right, end, out);
    return true;
  }

  bool Poll(uint32_t step) const noexcept {
    return step % kRun != 0 || interrupt_ == nullptr || *interrupt_ == 0;
  }

  Outline* const outline_;
  const Interrupt interrupt_;
};

class Writer {
 public:
  Writer(Outline* outline, Interrupt interrupt, char* out)
      : outline_(outline), interrupt_(interrupt), out_(out) {}

  Outcome Run(size_t* length) noexcept {
    if (!outline_->open.Reserve(size_t{outline_->depth} + 1)) return Outcome::kOutOfMemory;
    const Note& root = outline_->notes.data[0];
    const bool container = IsContainer(root);
    if (container) {
      if (!Begin(0)) return outcome_;
    } else {
      depth_ = 1;
      OpenContainer& list = outline_->open.data[0];
      list = {.base = 8};
      Store(1 | layout::kArrayFlag | layout::kScalarFlag, 0);
      at_ = list.base;
      AddScalar(root, &list);
      depth_ = 0;
    }
    while (depth_ > 0) {
      if (!Step()) return outcome_;
    }
    *length = at_;
    return Outcome::kOk;
  }

 private:
  static bool IsContainer(const Note& note) {
    return note.kind == Kind::kObject || note.kind == Kind::kArray;
  }

  // One value of the innermost container, or its end.
  bool Step() noexcept {
    OpenContainer& open = outline_->open.data[depth_ - 1];
    if (open.left == 0) {
      if (open.object) ordered_ = open.next - open.index / 2;
      if (--depth_ > 0) {
        OpenContainer& outer = outline_->open.data[depth_ - 1];
        AddEntry(layout::kContainer, outer.member, &outer);
      }
      return true;
    }
    --open.left;
    const uint32_t index = open.object ? outline_->order.data[open.next++] + 1 : open.next;
    const Note& note = outline_->notes.data[index];
    if (!open.object) open.next = note.next;
    if (!IsContainer(note)) {
      AddScalar(note, &open);
      return Poll();
    }
    open.member = at_;
    Align();
    return Begin(index);
  }

  bool Begin(uint32_t index) noexcept {
    const Note& note = outline_->notes.data[index];
    OpenContainer& open = outline_->open.data[depth_++];
    open = {
        .head = at_, .left = note.length, .next = index + 1, .object = note.kind == Kind::kObject};
    if (open.object) {
      outcome_ = KeyOrder(outline_, interrupt_).Append(index + 1, ordered_, &open.left);
      if (outcome_ != Outcome::kOk) return false;
      open.next = ordered_;
      ordered_ += open.left;
    }
    Store(open.left | (open.object ? layout::kObjectFlag : layout::kArrayFlag), at_);
    at_ = open.base = open.head + 4 + open.left * (open.object ? 8 : 4);
    for (uint32_t i = 0; open.object && i < open.left; ++i) {
      AddScalar(outline_->notes.data[outline_->order.data[open.next + i]], &open);
      if (!Poll()) return false;
    }
    return Poll();
  }

  void AddScalar(const Note& note, OpenContainer* open) noexcept {
    const uint32_t begin = at_;
    switch (note.kind) {
      case Kind::kString:
        Append(outline_->bytes(note));
        return AddEntry(layout::kString, begin, open);
      case Kind::kNumber:
        Align();
        Append(outline_->bytes(note));
        return AddEntry(layout::kNumeric, begin, open);
      case Kind::kTrue:
        return AddEntry(layout::kTrue, begin, open);
      case Kind::kFalse:
        return AddEntry(layout::kFalse, begin, open);
      default:
        return AddEntry(layout::kNull, begin, open);
    }
  }

  // Of what was written from `begin` on.
  void AddEntry(uint32_t type, uint32_t begin, OpenContainer* open) noexcept {
    const bool offset = open->index % layout::kStride == 0;
    const uint32_t measure = at_ - (offset ? open->base : begin);
    Store(type | measure | (offset ? layout::kHasOffset : 0), open->head + 4 + open->index++ * 4);
  }

  void Append(std::string_view bytes) noexcept {
    std::memcpy(out_ + at_, bytes.data(), bytes.size());
    at_ += static_cast<uint32_t>(bytes.size());
  }
  void Align() noexcept {
    while (at_ % 4 != 0) out_[at_++] = '\0';
  }
  void Store(uint32_t word, uint32_t at) noexcept { std::memcpy(out_ + at, &word, sizeof(word)); }

  bool Poll() noexcept {
    constexpr uint32_t kLot = 1024;
    if (++written_ % kLot != 0 || interrupt_ == nullptr || *interrupt_ == 0) return true;
    outcome_ = Outcome::kInterrupted;
    return false;
  }

  Outline* const outline_;
  const Interrupt interrupt_;
  char* const out_;
  uint32_t at_ = 0;
  uint32_t depth_ = 0;
  uint32_t ordered_ = 0;  // keys of open containers
  uint32_t written_ = 0;
  Outcome outcome_ = Outcome::kOk;
};

}  // namespace

Outcome Write(Outline* outline, Interrupt interrupt, char* out, size_t* length) noexcept {
  return Writer(outline, interrupt, out).Run(length);
}

}  // namespace promptreg::json
