// What names mean in a template of Handlebars, and how they are written here.
//
// Handlebars looks a name up in the current context alone; here it is looked up from the inside
// out. So a name is refused where both could find different things: where what is around an item
// has, or is asked for, a member of the same name.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/import/handlebars.h"
#include "core/import/shape.h"

namespace promptreg::imports {

// A path as it is written here.
struct Resolved {
  std::string path;
  const Shape* shape = nullptr;  // what it leads to; nullptr: that is not known
  bool length = false;           // how long that is was asked for
};

class Scopes {
 public:
  // The variables; nullptr: what there are is not known. The shape, and the text that names are
  // from, must outlive this.
  explicit Scopes(const Shape* variables) { Enter(variables, false); }

  // From here on names are members of an item of a list (loop), or of an object.
  void Enter(const Shape* shape, bool loop);
  void Leave() { scopes_.pop_back(); }
  size_t depth() const { return scopes_.size(); }

  // False: *problem says why the path cannot be written here.
  bool Resolve(const Expression& expression, Resolved* resolved, TagProblem* problem);

  // Variables that were named, each once, in order.
  const std::vector<std::string>& variables() const { return variables_; }

 private:
  struct Scope {
    const Shape* shape = nullptr;
    bool loop = false;
    std::unordered_set<std::string_view> names;  // that were looked up in it
    std::unordered_set<std::string_view> inner;  // the same, of scopes within it
  };

  bool ResolveData(const Expression& expression, Resolved* resolved, TagProblem* problem);
  bool Look(size_t scope, const Expression& expression, size_t first, Resolved* resolved,
            TagProblem* problem);
  bool LookLength(size_t scope, const Expression& expression, Resolved* resolved,
                  TagProblem* problem) const;
  bool Use(size_t scope, std::string_view name, size_t position, TagProblem* problem);
  bool IsSettled(const Scope& scope, std::string_view name) const;

  std::vector<Scope> scopes_;
  std::vector<std::string> variables_;
};

}  // namespace promptreg::imports
