// promptreg.chi_squared_test and its kin: arguments in, src/core/stats, rows out. All are STRICT:
// NULL is unknown.
#include <cmath>
#include <initializer_list>
#include <optional>
#include <span>

#include "core/stats/bandit.h"
#include "core/stats/bayes.h"
#include "core/stats/means.h"
#include "core/stats/multiplicity.h"
#include "core/stats/power.h"
#include "core/stats/sample_ratio.h"
#include "core/stats/sequences.h"
#include "core/stats/special.h"
#include "core/stats/tests.h"
#include "pg/guard.h"
#include "pg/server.h"

namespace promptreg::pg {
namespace {

using stats::Maybe;
using stats::Outcome;

void Check(const Outcome& outcome) {
  if (outcome.ok()) return;
  const bool invalid = outcome.status == stats::Status::kInvalid;
  ereport(ERROR,
          (errcode(invalid ? ERRCODE_INVALID_PARAMETER_VALUE : ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
           errmsg("%s %s", outcome.name, outcome.rule)));
}

struct Numbers {
  double* values;
  int count;

  std::span<const double> all() const { return {values, static_cast<size_t>(count)}; }
};

// The elements of a bigint[] or double precision[], row by row.
Numbers ReadArray(ArrayType* array, const char* name, int dimensions = 1) {
  // An empty array has no dimensions.
  if (ARR_NDIM(array) != dimensions && ARR_NDIM(array) != 0) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("%s must have %s", name,
                           dimensions == 1 ? "one dimension" : "two dimensions")));
  }
  const Oid type = ARR_ELEMTYPE(array);
  Datum* elements;
  bool* nulls;
  Numbers result = {};
  deconstruct_array(array, type, 8, true, TYPALIGN_DOUBLE, &elements, &nulls, &result.count);
  result.values = static_cast<double*>(palloc(sizeof(double) * (result.count + 1)));
  for (int i = 0; i < result.count; ++i) {
    if (nulls[i]) {
      ereport(ERROR,
              (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not contain NULL", name)));
    }
    result.values[i] = type == INT8OID ? static_cast<double>(DatumGetInt64(elements[i]))
                                       : DatumGetFloat8(elements[i]);
  }
  return result;
}

Datum MakeRow(FunctionCallInfo fcinfo, std::initializer_list<Maybe> fields) {
  TupleDesc descriptor;
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE ||
      descriptor->natts != static_cast<int>(fields.size())) {
    elog(ERROR, "the function does not return what the library fills in");
  }
  constexpr size_t kMostFields = 8;
  Datum values[kMostFields] = {};
  bool nulls[kMostFields] = {};
  size_t count = 0;
  for (const Maybe& field : fields) {
    nulls[count] = !field;
    if (field) values[count] = Float8GetDatum(*field);
    ++count;
  }
  return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

Datum MakeArray(const double* numbers, int count) {
  auto* elements = static_cast<Datum*>(palloc(sizeof(Datum) * (count + 1)));
  for (int i = 0; i < count; ++i) elements[i] = Float8GetDatum(numbers[i]);
  return PointerGetDatum(
      construct_array(elements, count, FLOAT8OID, sizeof(float8), true, TYPALIGN_DOUBLE));
}

// Several numbers from several; what the core allocates for itself can fail.
template <typename Compute>
Datum ArrayOf(int count, Compute compute) {
  auto* results = static_cast<double*>(palloc(sizeof(double) * (count + 1)));
  Outcome outcome;
  const Caught caught =
      Guarded([&] { outcome = compute(std::span<double>(results, static_cast<size_t>(count))); });
  ReportCaught(caught);
  Check(outcome);
  return MakeArray(results, count);
}

// Parts per million from what the core computes.
template <typename Compute>
Datum WeightsOf(int count, Compute compute) {
  auto* ppm = static_cast<int*>(palloc(sizeof(int) * (count + 1)));
  Outcome outcome;
  const Caught caught =
      Guarded([&] { outcome = compute(std::span<int>(ppm, static_cast<size_t>(count))); });
  ReportCaught(caught);
  Check(outcome);
  auto* weights = static_cast<Datum*>(palloc(sizeof(Datum) * (count + 1)));
  for (int i = 0; i < count; ++i) weights[i] = Int32GetDatum(ppm[i]);
  return PointerGetDatum(
      construct_array(weights, count, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

stats::Algorithm ReadAlgorithm(const text* name) {
  const std::optional<stats::Algorithm> algorithm = stats::AlgorithmOf(TextView(name));
  if (!algorithm) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("algorithm must be thompson, top_two, ucb1 or kl_ucb")));
  }
  return *algorithm;
}

// The arguments means, sds and n, from the given one on.
stats::MeanSamples ReadSamples(FunctionCallInfo fcinfo, int first) {
  return {.means = ReadArray(PG_GETARG_ARRAYTYPE_P(first), "means").all(),
          .sds = ReadArray(PG_GETARG_ARRAYTYPE_P(first + 1), "sds").all(),
          .n = ReadArray(PG_GETARG_ARRAYTYPE_P(first + 2), "n").all()};
}

}  // namespace
}  // namespace promptreg::pg

using namespace promptreg;  // NOLINT: only for the entry points below

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_chi_squared_test);
PG_FUNCTION_INFO_V1(promptreg_two_proportion_test);
PG_FUNCTION_INFO_V1(promptreg_welch_t_test);
PG_FUNCTION_INFO_V1(promptreg_fisher_exact_test);
PG_FUNCTION_INFO_V1(promptreg_sample_ratio_test);
PG_FUNCTION_INFO_V1(promptreg_sample_ratio_sequential);
PG_FUNCTION_INFO_V1(promptreg_prob_best);
PG_FUNCTION_INFO_V1(promptreg_expected_loss);
PG_FUNCTION_INFO_V1(promptreg_confidence_sequence);
PG_FUNCTION_INFO_V1(promptreg_bernoulli_confidence_sequence);
PG_FUNCTION_INFO_V1(promptreg_sample_size_proportions);
PG_FUNCTION_INFO_V1(promptreg_sample_size_means);
PG_FUNCTION_INFO_V1(promptreg_minimum_detectable_effect);
PG_FUNCTION_INFO_V1(promptreg_normal_p_value);
PG_FUNCTION_INFO_V1(promptreg_holm);
PG_FUNCTION_INFO_V1(promptreg_benjamini_hochberg);
PG_FUNCTION_INFO_V1(promptreg_prob_best_means);
PG_FUNCTION_INFO_V1(promptreg_expected_loss_means);
PG_FUNCTION_INFO_V1(promptreg_threshold_sequence);
PG_FUNCTION_INFO_V1(promptreg_bandit_weights_means);
PG_FUNCTION_INFO_V1(promptreg_bandit_weights);
Datum promptreg_chi_squared_test(PG_FUNCTION_ARGS);
Datum promptreg_two_proportion_test(PG_FUNCTION_ARGS);
Datum promptreg_welch_t_test(PG_FUNCTION_ARGS);
Datum promptreg_fisher_exact_test(PG_FUNCTION_ARGS);
Datum promptreg_sample_ratio_test(PG_FUNCTION_ARGS);
Datum promptreg_sample_ratio_sequential(PG_FUNCTION_ARGS);
Datum promptreg_prob_best(PG_FUNCTION_ARGS);
Datum promptreg_expected_loss(PG_FUNCTION_ARGS);
Datum promptreg_confidence_sequence(PG_FUNCTION_ARGS);
Datum promptreg_bernoulli_confidence_sequence(PG_FUNCTION_ARGS);
Datum promptreg_sample_size_proportions(PG_FUNCTION_ARGS);
Datum promptreg_sample_size_means(PG_FUNCTION_ARGS);
Datum promptreg_minimum_detectable_effect(PG_FUNCTION_ARGS);
Datum promptreg_normal_p_value(PG_FUNCTION_ARGS);
Datum promptreg_holm(PG_FUNCTION_ARGS);
Datum promptreg_benjamini_hochberg(PG_FUNCTION_ARGS);
Datum promptreg_prob_best_means(PG_FUNCTION_ARGS);
Datum promptreg_expected_loss_means(PG_FUNCTION_ARGS);
Datum promptreg_threshold_sequence(PG_FUNCTION_ARGS);
Datum promptreg_bandit_weights_means(PG_FUNCTION_ARGS);
Datum promptreg_bandit_weights(PG_FUNCTION_ARGS);

Datum promptreg_chi_squared_test(PG_FUNCTION_ARGS) {
  ArrayType* array = PG_GETARG_ARRAYTYPE_P(0);
  const pg::Numbers counts = pg::ReadArray(array, "counts", 2);
  const size_t columns = ARR_NDIM(array) == 2 ? static_cast<size_t>(ARR_DIMS(array)[1]) : 0;
  const stats::ChiSquared result = stats::ChiSquaredTest(counts.all(), columns);
  pg::Check(result.outcome);
  return pg::MakeRow(fcinfo, {result.statistic, result.df, result.p_value});
}

Datum promptreg_two_proportion_test(PG_FUNCTION_ARGS) {
  const stats::TwoProportions result =
      stats::TwoProportionTest(PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1), PG_GETARG_FLOAT8(2),
                               PG_GETARG_FLOAT8(3), PG_GETARG_FLOAT8(4));
  pg::Check(result.outcome);
  return pg::MakeRow(fcinfo,
                     {result.difference, result.z, result.p_value, result.ci_low, result.ci_high});
}

Datum promptreg_welch_t_test(PG_FUNCTION_ARGS) {
  const stats::Welch result = stats::WelchTest(
      PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1), PG_GETARG_FLOAT8(2), PG_GETARG_FLOAT8(3),
      PG_GETARG_FLOAT8(4), PG_GETARG_FLOAT8(5), PG_GETARG_FLOAT8(6));
  pg::Check(result.outcome);
  return pg::MakeRow(fcinfo, {result.difference, result.t, result.df, result.p_value, result.ci_low,
                              result.ci_high});
}

Datum promptreg_fisher_exact_test(PG_FUNCTION_ARGS) {
  const stats::Fisher result = stats::FisherTest(PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1),
                                                 PG_GETARG_FLOAT8(2), PG_GETARG_FLOAT8(3));
  pg::Check(result.outcome);
  PG_RETURN_FLOAT8(result.p_value);
}

Datum promptreg_sample_ratio_test(PG_FUNCTION_ARGS) {
  const pg::Numbers counts = pg::ReadArray(PG_GETARG_ARRAYTYPE_P(0), "counts");
  const pg::Numbers weights = pg::ReadArray(PG_GETARG_ARRAYTYPE_P(1), "weights");
  const stats::SampleRatio result = stats::SampleRatioTest(counts.all(), weights.all());
  pg::Check(result.outcome);
  return pg::MakeRow(fcinfo, {result.statistic, result.df, result.p_value});
}

Datum promptreg_sample_ratio_sequential(PG_FUNCTION_ARGS) {
  const pg::Numbers counts = pg::ReadArray(PG_GETARG_ARRAYTYPE_P(0), "counts");
  const pg::Numbers weights = pg::ReadArray(PG_GETARG_ARRAYTYPE_P(1), "weights");
  const stats::SequentialSampleRatio result =
      stats::SequentialSampleRatioTest(counts.all(), weights.all());
  pg::Check(result.outcome);
  return pg::MakeRow(fcinfo, {result.log_bayes_factor, result.p_value});
}

Datum promptreg_prob_best(PG_FUNCTION_ARGS) {
  const pg::Numbers alpha = pg::ReadArray(PG_GETARG_ARRAYTYPE_P(0), "alpha");
  const pg::Numbers beta = pg::ReadArray(PG_GETARG_ARRAYTYPE_P(1), "beta");
  return pg::ArrayOf(alpha.count, [&](std::span<double> results) {
    return stats::ProbBest(alpha.all(), beta.all(), results);
  });
}

Datum promptreg_expected_loss(PG_FUNCTION_ARGS) {
  const pg::Numbers alpha = pg::ReadArray(PG_GETARG_ARRAYTYPE_P(0), "alpha");
  const pg::Numbers beta = pg::ReadArray(PG_GETARG_ARRAYTYPE_P(1), "beta");
  return pg::ArrayOf(alpha.count, [&](std::span<double> results) {
    return stats::ExpectedLoss(alpha.all(), beta.all(), results);
  });
}

Datum promptreg_prob_best_means(PG_FUNCTION_ARGS) {
  const stats::MeanSamples samples = pg::ReadSamples(fcinfo, 0);
  return pg::ArrayOf(static_cast<int>(samples.n.size()), [&](std::span<double> results) {
    return stats::ProbBestMean(samples, results);
  });
}

Datum promptreg_expected_loss_means(PG_FUNCTION_ARGS) {
  const stats::MeanSamples samples = pg::ReadSamples(fcinfo, 0);
  return pg::ArrayOf(static_cast<int>(samples.n.size()), [&](std::span<double> results) {
    return stats::ExpectedLossMean(samples, results);
  });
}

Datum promptreg_confidence_sequence(PG_FUNCTION_ARGS) {
  const int32 sides = PG_GETARG_INT32(5);
  if (sides != 1 && sides != 2) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("sides must be 1 or 2")));
  }
  const stats::ConfidenceInterval result = stats::ConfidenceSequence(
      PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1), PG_GETARG_FLOAT8(2), PG_GETARG_FLOAT8(3),
      PG_GETARG_FLOAT8(4), sides == 1 ? stats::Sides::kOne : stats::Sides::kTwo);
  pg::Check(result.outcome);
  return pg::MakeRow(fcinfo, {result.half_width, result.ci_low, result.ci_high, result.p_value});
}

Datum promptreg_bernoulli_confidence_sequence(PG_FUNCTION_ARGS) {
  const stats::ProportionInterval result = stats::BernoulliConfidenceSequence(
      static_cast<double>(PG_GETARG_INT64(0)), static_cast<double>(PG_GETARG_INT64(1)),
      PG_GETARG_FLOAT8(2));
  pg::Check(result.outcome);
  return pg::MakeRow(fcinfo, {result.ci_low, result.ci_high});
}

Datum promptreg_threshold_sequence(PG_FUNCTION_ARGS) {
  const stats::ThresholdTest result =
      stats::ThresholdSequence(static_cast<double>(PG_GETARG_INT64(0)),
                               static_cast<double>(PG_GETARG_INT64(1)), PG_GETARG_FLOAT8(2));
  pg::Check(result.outcome);
  return pg::MakeRow(fcinfo, {result.log_bayes_factor, result.p_value});
}

// One number, or NULL.
#define PROMPTREG_RETURN_NUMBER(result)    \
  do {                                     \
    pg::Check((result).outcome);           \
    if (!(result).value) PG_RETURN_NULL(); \
    PG_RETURN_FLOAT8(*(result).value);     \
  } while (0)

Datum promptreg_sample_size_proportions(PG_FUNCTION_ARGS) {
  const stats::Number result = stats::SampleSizeProportions(
      PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1), PG_GETARG_FLOAT8(2), PG_GETARG_FLOAT8(3));
  PROMPTREG_RETURN_NUMBER(result);
}

Datum promptreg_sample_size_means(PG_FUNCTION_ARGS) {
  const stats::Number result = stats::SampleSizeMeans(PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1),
                                                      PG_GETARG_FLOAT8(2), PG_GETARG_FLOAT8(3));
  PROMPTREG_RETURN_NUMBER(result);
}

Datum promptreg_minimum_detectable_effect(PG_FUNCTION_ARGS) {
  const stats::Number result = stats::MinimumDetectableEffect(
      PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1), PG_GETARG_FLOAT8(2), PG_GETARG_FLOAT8(3));
  PROMPTREG_RETURN_NUMBER(result);
}

Datum promptreg_normal_p_value(PG_FUNCTION_ARGS) {
  PG_RETURN_FLOAT8(2 * stats::NormalTail(std::fabs(PG_GETARG_FLOAT8(0))));
}

Datum promptreg_holm(PG_FUNCTION_ARGS) {
  const pg::Numbers p = pg::ReadArray(PG_GETARG_ARRAYTYPE_P(0), "p");
  return pg::ArrayOf(p.count,
                     [&](std::span<double> results) { return stats::Holm(p.all(), results); });
}

Datum promptreg_benjamini_hochberg(PG_FUNCTION_ARGS) {
  const pg::Numbers p = pg::ReadArray(PG_GETARG_ARRAYTYPE_P(0), "p");
  return pg::ArrayOf(p.count, [&](std::span<double> results) {
    return stats::BenjaminiHochberg(p.all(), results);
  });
}

Datum promptreg_bandit_weights(PG_FUNCTION_ARGS) {
  const stats::Algorithm algorithm = pg::ReadAlgorithm(PG_GETARG_TEXT_PP(0));
  const pg::Numbers successes = pg::ReadArray(PG_GETARG_ARRAYTYPE_P(1), "successes");
  const pg::Numbers n = pg::ReadArray(PG_GETARG_ARRAYTYPE_P(2), "n");
  const double floor = PG_GETARG_FLOAT8(3);
  return pg::WeightsOf(n.count, [&](std::span<int> ppm) {
    return stats::BanditWeights(algorithm, successes.all(), n.all(), floor, ppm);
  });
}

Datum promptreg_bandit_weights_means(PG_FUNCTION_ARGS) {
  const stats::Algorithm algorithm = pg::ReadAlgorithm(PG_GETARG_TEXT_PP(0));
  const stats::MeanSamples samples = pg::ReadSamples(fcinfo, 1);
  const double floor = PG_GETARG_FLOAT8(4);
  return pg::WeightsOf(static_cast<int>(samples.n.size()), [&](std::span<int> ppm) {
    return stats::BanditWeightsOfMeans(algorithm, samples, floor, ppm);
  });
}
}
