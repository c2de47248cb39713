#include "core/import/scopes.h"

#include <algorithm>

#include "core/template/parser.h"

namespace promptreg::imports {
namespace {

using Type = Shape::Type;

bool Fail(size_t position, std::string message, std::string_view hint, TagProblem* problem) {
  *problem = {.position = position, .message = std::move(message), .hint = std::string(hint)};
  return false;
}

bool IsIndex(std::string_view segment) {
  return segment.find_first_not_of("0123456789") == std::string_view::npos;
}

bool HasLength(const Shape& shape) {
  return shape.Is(Type::kArray) || shape.Is(Type::kString) || shape.Is(Type::kEnum);
}

// What is known of a member. False: there is no such member.
bool FindMember(const Shape* shape, std::string_view name, const Shape** member) {
  *member = nullptr;
  if (shape == nullptr || shape->Is(Type::kAny)) return true;
  if (!shape->Is(Type::kObject)) return false;
  *member = shape->Find(name);
  if (*member == nullptr) return false;
  if ((*member)->Is(Type::kAny)) *member = nullptr;
  return true;
}

}  // namespace

void Scopes::Enter(const Shape* shape, bool loop) {
  if (shape != nullptr && shape->Is(Type::kAny)) shape = nullptr;
  scopes_.push_back({.shape = shape, .loop = loop, .names = {}, .inner = {}});
}

bool Scopes::Resolve(const Expression& expression, Resolved* resolved, TagProblem* problem) {
  *resolved = Resolved();
  if (expression.data) return ResolveData(expression, resolved, problem);
  if (expression.up >= scopes_.size()) {
    return Fail(expression.position, "a path that goes back too far", {}, problem);
  }
  const size_t scope = scopes_.size() - 1 - expression.up;
  if (!expression.segments.empty()) return Look(scope, expression, 0, resolved, problem);
  if (expression.up > 0) {
    return Fail(expression.position, "an item around the current one as a whole",
                "Name the members of it that are needed.", problem);
  }
  if (scope == 0) {
    return Fail(expression.position, "all variables at once", "Name those that are needed.",
                problem);
  }
  resolved->path = ".";
  resolved->shape = scopes_[scope].shape;
  return true;
}

bool Scopes::ResolveData(const Expression& expression, Resolved* resolved, TagProblem* problem) {
  const std::string_view name = expression.segments[0];
  if (name == "root" && expression.segments.size() > 1) {
    return Look(0, expression, 1, resolved, problem);
  }
  const bool known = name == "index" || name == "first" || name == "last";
  if (!known || expression.segments.size() > 1) {
    return Fail(expression.position, "a value that is not known here",
                "There are @index, @first, @last and @root.", problem);
  }
  if (std::none_of(scopes_.begin(), scopes_.end(), [](const Scope& scope) { return scope.loop; })) {
    return Fail(expression.position, "a value of loops outside of any", {}, problem);
  }
  resolved->path = "@" + std::string(name);
  return true;
}

bool Scopes::Look(size_t scope, const Expression& expression, size_t first, Resolved* resolved,
                  TagProblem* problem) {
  const Shape* shape = scopes_[scope].shape;
  for (size_t i = first; i < expression.segments.size(); ++i) {
    const std::string_view segment = expression.segments[i];
    const bool last = i + 1 == expression.segments.size();
    // An item may be a list or a text, too; the variables are an object.
    if (last && segment == "length" && (i > first || scope > 0)) {
      if (shape == nullptr || (!shape->Is(Type::kObject) && !HasLength(*shape))) {
        return Fail(expression.position, "a length of what may be no list or text",
                    "Say in input.schema what it is.", problem);
      }
      resolved->length = HasLength(*shape);
      if (resolved->length && i == first) return LookLength(scope, expression, resolved, problem);
      if (resolved->length) break;
    }
    if (!FindMember(shape, segment, &shape)) {
      return Fail(expression.position,
                  "\"" + tmpl::QuoteTag(segment) + "\" is not among what input.schema names", {},
                  problem);
    }
    if (i > first && IsIndex(segment)) {
      return Fail(expression.position, "an element of a list by its number", {}, problem);
    }
    const bool named = scope == 0 && i == first && scopes_[0].shape != nullptr &&
                       scopes_[0].shape->Named(segment) != nullptr;
    const std::string_view invalid = named ? std::string_view() : tmpl::IdentifierProblem(segment);
    if (!invalid.empty()) return Fail(expression.position, std::string(invalid), {}, problem);
    if (i > first) resolved->path += ".";
    resolved->path += segment;
  }
  resolved->shape = shape;
  const std::string_view unknown = resolved->path[0] == '$' ? "a character that no name begins with"
                                                            : tmpl::PathProblem(resolved->path);
  if (!unknown.empty()) return Fail(expression.position, std::string(unknown), {}, problem);
  return Use(scope, expression.segments[first], expression.position, problem);
}

// How long an item is.
bool Scopes::LookLength(size_t scope, const Expression& expression, Resolved* resolved,
                        TagProblem* problem) const {
  resolved->path = ".";
  return scope + 1 == scopes_.size() ||
         Fail(expression.position, "a length of an item around the current one", {}, problem);
}

// Whether it is known that a scope has no member of a name.
bool Scopes::IsSettled(const Scope& scope, std::string_view name) const {
  const Shape* member;
  return !FindMember(scope.shape, name, &member);
}

bool Scopes::Use(size_t scope, std::string_view name, size_t position, TagProblem* problem) {
  constexpr std::string_view kHint =
      "Names are looked up from the inside out here. Let them differ, or say in input.schema what "
      "members items have.";
  const std::string quoted = "\"" + tmpl::QuoteTag(name) + "\"";
  for (size_t i = scope + 1; i < scopes_.size(); ++i) {
    if (IsSettled(scopes_[i], name)) continue;
    return Fail(position, quoted + " could be a member of the item as well", kHint, problem);
  }
  for (size_t i = 0; i < scope; ++i) {
    const Shape* shape = scopes_[i].shape;
    const bool member =
        shape != nullptr && std::any_of(shape->members.begin(), shape->members.end(),
                                        [&](const Shape::Member& m) { return m.name == name; });
    if (!member && scopes_[i].names.count(name) == 0) continue;
    return Fail(position, quoted + " is the name of something around the item as well", kHint,
                problem);
  }
  if (scopes_[scope].inner.count(name) > 0) {
    return Fail(position, quoted + " is the name of a member of an item as well", kHint, problem);
  }
  if (scopes_[scope].names.insert(name).second && scope == 0) variables_.emplace_back(name);
  for (size_t i = 0; i < scope; ++i) scopes_[i].inner.insert(name);
  return true;
}

}  // namespace promptreg::imports
