#include "pg/rights.h"

#include "pg/errors.h"
#include "pg/invalidation.h"
#include "pg/query.h"

namespace promptreg::pg {
namespace {

constexpr std::string_view kRightNames[] = {"resolve", "read",    "author",
                                            "approve", "release", "admin"};
constexpr int kRightCount = 6;

constexpr uint8 Bit(Right right) {
  return static_cast<uint8>(1U << static_cast<unsigned>(right));
}

// What a granted right allows: who may write or release a prompt may read it, and who may read it
// may resolve it.
constexpr uint8 Implied(Right right) {
  switch (right) {
    case Right::kResolve:
      return Bit(Right::kResolve);
    case Right::kRead:
      return Bit(Right::kRead) | Bit(Right::kResolve);
    case Right::kAuthor:
    case Right::kApprove:
    case Right::kRelease:
      return Bit(right) | Bit(Right::kRead) | Bit(Right::kResolve);
    case Right::kAdmin:
      return 0xff;
  }
  return 0;
}

struct Grant {
  std::string_view pattern;
  std::string_view environment;  // empty: all
  Oid role;                      // ACL_ID_PUBLIC: every role; InvalidOid with !exists: nobody
  bool exists;
  Right right;
};

// The grants as of `loaded`, in a memory context of their own that is replaced as a whole.
MemoryContext grants_context = nullptr;
Grant* grants = nullptr;
uint64 grant_count = 0;
uint64 loaded = 0;
uint64 role_changes = 0;

void OnRoleChange(Datum, int, uint32) noexcept {
  ++role_changes;
}

bool ParseRight(std::string_view name, Right* right) {
  for (int i = 0; i < kRightCount; ++i) {
    if (name == kRightNames[i]) {
      *right = static_cast<Right>(i);
      return true;
    }
  }
  return false;
}

Query grants_query = {
    "SELECT g.pattern, g.\"right\", g.role, g.environment FROM promptreg.grants g", 0, {}};

std::string_view Keep(MemoryContext context, std::string_view value) {
  char* copy = static_cast<char*>(MemoryContextAlloc(context, value.size() + 1));
  memcpy(copy, value.data(), value.size());
  copy[value.size()] = '\0';
  return {copy, value.size()};
}

void LoadGrants() {
  const uint64 wanted = RightsGeneration();
  MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "promptreg grants", ALLOCSET_SMALL_SIZES);
  Grant* rows = nullptr;
  uint64 count = 0;
  Reading(View::kOfNow, [&] {
    count = Run(&grants_query, nullptr);
    rows = static_cast<Grant*>(MemoryContextAllocZero(context, sizeof(Grant) * (count + 1)));
    for (uint64 i = 0; i < count; ++i) {
      const Row row(i);
      rows[i].pattern = Keep(context, row.Text(1));
      rows[i].environment = Keep(context, row.Text(4));
      const std::string_view role = Keep(context, row.Text(3));
      rows[i].role = role == "public" ? ACL_ID_PUBLIC : get_role_oid(role.data(), true);
      rows[i].exists = role == "public" || OidIsValid(rows[i].role);
      if (!ParseRight(row.Text(2), &rows[i].right)) rows[i].exists = false;
    }
  });
  MemoryContextSetParent(context, CacheMemoryContext);
  if (grants_context != nullptr) MemoryContextDelete(grants_context);
  grants_context = context;
  grants = rows;
  grant_count = count;
  loaded = wanted;
}

// "*" in the pattern stands for any characters. A pattern covers another one if it matches it as a
// text: whatever the other's stars stand for, this one's stars can stand for too.
bool Matches(std::string_view pattern, std::string_view name) {
  size_t p = 0;
  size_t n = 0;
  size_t star = std::string_view::npos;
  size_t resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

void InitRights() {
  CacheRegisterSyscacheCallback(AUTHOID, OnRoleChange, 0);
  CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, OnRoleChange, 0);
}

uint64 RightsGeneration() {
  // Both only ever grow, so their sum changes whenever one of them does.
  return Generation() + role_changes;
}

bool Allowed(Oid role, Right right, std::optional<std::string_view> name,
             std::optional<std::string_view> environment) {
  if (superuser_arg(role) || has_privs_of_role(role, ExtensionOwner())) return true;
  ReceiveInvalidations();
  if (loaded != RightsGeneration()) LoadGrants();
  for (uint64 i = 0; i < grant_count; ++i) {
    const Grant& grant = grants[i];
    if (!grant.exists || (Implied(grant.right) & Bit(right)) == 0) continue;
    if (environment && !grant.environment.empty() && grant.environment != *environment) continue;
    if (name && !Matches(grant.pattern, *name)) continue;
    if (grant.role == ACL_ID_PUBLIC || has_privs_of_role(role, grant.role)) return true;
  }
  return false;
}

namespace {

[[noreturn]] void RefuseUnknownRight(std::string_view right) {
  ereport(ERROR, (errcode(kInvalidArgument),
                  errmsg("\"%s\" is no right", pnstrdup(right.data(), right.size())),
                  errhint("Use one of: resolve, read, author, approve, release, admin.")));
  pg_unreachable();
}

Query undefined_prompt_query = {"SELECT promptreg.raise_undefined_prompt($1)", 1, {TEXTOID}};

}  // namespace

void RefuseRight(Right right, std::string_view name, std::optional<std::string_view> environment,
                 std::string_view asked_name) {
  const std::string_view right_name = kRightNames[static_cast<int>(right)];
  if (right == Right::kRead || !Allowed(CallerRole(), Right::kRead, name, std::nullopt)) {
    const Datum parameters[] = {PointerGetDatum(NewText(asked_name))};
    Reading(View::kOfStatement, [&] { Run(&undefined_prompt_query, parameters); });
  }
  ereport(
      ERROR,
      (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
       environment ? errmsg("permission denied: %s on prompt \"%s\" in %s", right_name.data(),
                            pnstrdup(asked_name.data(), asked_name.size()),
                            pnstrdup(environment->data(), environment->size()))
                   : errmsg("permission denied: %s on prompt \"%s\"", right_name.data(),
                            pnstrdup(asked_name.data(), asked_name.size())),
       errhint("Whoever has the right admin on it can grant it: SELECT prompt_grant(%s, '%s', %s).",
               quote_literal_cstr(pnstrdup(asked_name.data(), asked_name.size())),
               right_name.data(), quote_literal_cstr(GetUserNameFromId(CallerRole(), false)))));
  pg_unreachable();
}

namespace {

struct RightArguments {
  Right right;
  std::optional<std::string_view> name;
  std::optional<std::string_view> environment;
};

RightArguments ReadArguments(FunctionCallInfo fcinfo) {
  if (PG_ARGISNULL(0)) RefuseUnknownRight("");
  RightArguments arguments = {};
  const std::string_view right = TextView(PG_GETARG_TEXT_PP(0));
  if (!ParseRight(right, &arguments.right)) RefuseUnknownRight(right);
  if (!PG_ARGISNULL(1)) arguments.name = TextView(PG_GETARG_TEXT_PP(1));
  if (!PG_ARGISNULL(2)) arguments.environment = TextView(PG_GETARG_TEXT_PP(2));
  return arguments;
}

}  // namespace
}  // namespace promptreg::pg

namespace pg = promptreg::pg;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_allowed);
PG_FUNCTION_INFO_V1(promptreg_authorize);
Datum promptreg_allowed(PG_FUNCTION_ARGS);
Datum promptreg_authorize(PG_FUNCTION_ARGS);

Datum promptreg_allowed(PG_FUNCTION_ARGS) {
  const pg::RightArguments arguments = pg::ReadArguments(fcinfo);
  pg::NoteRightsCheck();
  PG_RETURN_BOOL(
      pg::Allowed(pg::CallerRole(), arguments.right, arguments.name, arguments.environment));
}

Datum promptreg_authorize(PG_FUNCTION_ARGS) {
  const pg::RightArguments arguments = pg::ReadArguments(fcinfo);
  pg::NoteRightsCheck();
  if (!pg::Allowed(pg::CallerRole(), arguments.right, arguments.name, arguments.environment)) {
    const std::string_view name = arguments.name.value_or("");
    pg::RefuseRight(arguments.right, name, arguments.environment,
                    PG_ARGISNULL(3) ? name : pg::TextView(PG_GETARG_TEXT_PP(3)));
  }
  PG_RETURN_VOID();
}
}
