// What each provider's file offers: the members of the body, from messages and neutral parameters.
#pragma once

#include "core/json/builder.h"
#include "core/request/params.h"
#include "core/request/request.h"

namespace promptreg::request {

void WriteOpenAi(const Input& input, json::Builder* out);
void WriteAnthropic(const Input& input, Params* params, ProblemList* problems, json::Builder* out);
void WriteGemini(const Input& input, Params* params, ProblemList* problems, json::Builder* out);

}  // namespace promptreg::request
