// The table of functions that JavaScript calls, fourth part: optimisers, data, training.

#include <memory>

#include "bridge.h"
#include "tinytorch/autograd.h"
#include "tinytorch/data.h"
#include "tinytorch/io.h"
#include "tinytorch/optim.h"
#include "tinytorch/train.h"

namespace tinytorch::bindings {
namespace {

using OptimizerPtr = std::shared_ptr<optim::Optimizer>;
using LoaderPtr = std::shared_ptr<data::DataLoader>;
using TrainerPtr = std::unique_ptr<train::Trainer>;
using EvaluatorPtr = std::unique_ptr<train::Evaluator>;

// ---- Optimisers; their parameters come as a list of handles -------------------------------------------------

Handle sgd(int count, double rate, double momentum, double dampening, double weight_decay, bool nesterov) {
  return guarded([=] {
    const optim::SGDOptions options{momentum, dampening, weight_decay, nesterov};
    return give_object<OptimizerPtr>(std::make_shared<optim::SGD>(received_tensors(count), rate, options));
  });
}
template <class Kind>
Handle adam(int count, double rate, double beta1, double beta2, double eps, double weight_decay) {
  return guarded([=] {
    const optim::AdamOptions options{beta1, beta2, eps, weight_decay};
    return give_object<OptimizerPtr>(std::make_shared<Kind>(received_tensors(count), rate, options));
  });
}
optim::Optimizer& optimizer(Handle o) { return *object<OptimizerPtr>(o); }
Handle optimizer_step(Handle o) {
  return done([=] { optimizer(o).step(); });
}
Handle zero_grad(Handle o) {
  return done([=] { optimizer(o).zero_grad(); });
}
double learning_rate(Handle o) { return optimizer(o).learning_rate(); }
Handle set_learning_rate(Handle o, double rate) {
  return done([=] { optimizer(o).set_learning_rate(rate); });
}
double optimizer_steps(Handle o) { return static_cast<double>(optimizer(o).steps()); }
/// exchange[0]: the joint norm before clipping.
Handle clip_grad_norm(int count, double max_norm) {
  return done([=] { exchange[0] = optim::clip_grad_norm(received_tensors(count), max_norm); });
}
/// exchange[0]: the rate.
Handle cosine_schedule(double initial, double lowest, double t, double length) {
  return done([=] { exchange[0] = optim::cosine_schedule(initial, lowest, to_integer(t), to_integer(length)); });
}
Handle step_schedule(double initial, double factor, double t, double every) {
  return done([=] { exchange[0] = optim::step_schedule(initial, factor, to_integer(t), to_integer(every)); });
}

// ---- Data --------------------------------------------------------------------------------------------------

data::TensorDataset dataset(Handle features, Handle labels, double mean, double deviation) {
  return {tensor(features), tensor(labels), mean, deviation};
}
Handle loader(Handle features, Handle labels, double mean, double deviation, double batch_size, bool shuffle,
              bool drop_last, unsigned seed_low, unsigned seed_high) {
  return guarded([=] {
    const data::LoaderOptions options{to_integer(batch_size), shuffle, drop_last, joined(seed_low, seed_high)};
    return give_object<LoaderPtr>(
        std::make_shared<data::DataLoader>(dataset(features, labels, mean, deviation), options));
  });
}
double loader_batches(Handle l) { return static_cast<double>(object<LoaderPtr>(l)->batches()); }
Handle loader_set_epoch(Handle l, double epoch) {
  return done([=] { object<LoaderPtr>(l)->set_epoch(to_integer(epoch)); });
}
/// Sends a `batch`: two handles.
Handle loader_batch(Handle l, double index) {
  return done([=] {
    const data::Batch batch = object<LoaderPtr>(l)->batch(to_integer(index));
    auto features = std::make_unique<Tensor>(batch.features);
    auto labels = std::make_unique<Tensor>(batch.labels);
    send(kBatch, {number(features.release()), number(labels.release())});
  });
}
/// Sends an `array` of 32-bit places in the data set.
Handle loader_indices(Handle l, double index) {
  return done([=] {
    const auto places = object<LoaderPtr>(l)->indices(to_integer(index));
    send(kArray, {number(places.data()), static_cast<double>(places.size())});
  });
}

// ---- Training ----------------------------------------------------------------------------------------------

/// exchange: `trainOptions`.
Handle trainer(Handle model, Handle o, Handle l) {
  return guarded([=] {
    constexpr auto& sent = kTrainOptions;
    const auto whole = [](std::size_t i) { return to_integer(exchange[i]); };
    const train::TrainOptions options{.epochs = whole(sent.at("epochs")),
                                      .loss = static_cast<train::Loss>(whole(sent.at("loss"))),
                                      .clip_norm = exchange[sent.at("clipNorm")],
                                      .accumulate = whole(sent.at("accumulate")),
                                      .schedule = static_cast<train::Schedule>(whole(sent.at("schedule"))),
                                      .schedule_every = whole(sent.at("scheduleEvery")),
                                      .schedule_factor = exchange[sent.at("scheduleFactor")],
                                      .schedule_lowest = exchange[sent.at("scheduleLowest")],
                                      .warmup = exchange[sent.at("warmup")],
                                      .patience = whole(sent.at("patience"))};
    return give_object<TrainerPtr>(std::make_unique<train::Trainer>(
        object<nn::ModulePtr>(model), object<OptimizerPtr>(o), object<LoaderPtr>(l), options));
  });
}
/// Sends a `progress`.
void send_progress(const train::Progress& p) {
  const auto real = [](std::int64_t value) { return static_cast<double>(value); };
  send(kProgress,
       {real(p.epoch), real(p.epochs), real(p.batch), real(p.batches), real(p.steps), p.loss, p.accuracy, p.epoch_loss,
        p.epoch_accuracy, p.samples_per_second, p.seconds, p.seconds_left, static_cast<double>(p.epoch_ended),
        static_cast<double>(p.finished), static_cast<double>(p.stopped_early)});
}
/// exchange[0]: a handle of the next batch's features, 0 if there is none.
template <class Stepper>
void begin(Stepper& stepper) {
  const data::Batch* batch = stepper.begin();
  try {
    exchange[0] = batch ? static_cast<double>(give(batch->features)) : 0;
  } catch (...) {
    stepper.abandon();
    throw;
  }
}

Handle trainer_step(Handle t) {
  return done([=] { send_progress(object<TrainerPtr>(t)->step()); });
}
/// The two halves of a step, for a model whose forward pass runs in JavaScript. exchange[0]: a handle of the features,
/// 0 if training is finished.
Handle trainer_begin(Handle t) {
  return done([=] { begin(*object<TrainerPtr>(t)); });
}
Handle trainer_finish(Handle t, Handle y) {
  return done([=] { send_progress(object<TrainerPtr>(t)->finish(tensor(y))); });
}
void trainer_abandon(Handle t) { object<TrainerPtr>(t)->abandon(); }
void trainer_progress(Handle t) { send_progress(object<TrainerPtr>(t)->progress()); }
void report_validation(Handle t, double loss) { object<TrainerPtr>(t)->report_validation(loss); }
/// `list` has the names and tensors of the model's parameters, for a model that does not list all of its own.
Handle trainer_parameters(Handle t, Handle list) {
  return done([=] { object<TrainerPtr>(t)->set_parameters(object<io::TensorFile>(list).tensors); });
}
Handle checkpoint(Handle t) {
  return guarded([=] { return give_bytes(object<TrainerPtr>(t)->checkpoint()); });
}
Handle restore(Handle t, Handle bytes) {
  return done([=] { object<TrainerPtr>(t)->restore(object<Bytes>(bytes)); });
}

Handle evaluator(Handle model, Handle features, Handle labels, double mean, double deviation, int loss,
                 double batch_size, int confusion) {
  return guarded([=] {
    return give_object<EvaluatorPtr>(std::make_unique<train::Evaluator>(
        object<nn::ModulePtr>(model), dataset(features, labels, mean, deviation), static_cast<train::Loss>(loss),
        to_integer(batch_size), static_cast<train::Confusion>(confusion)));
  });
}
/// Sends an `evaluatorStep`: whether there was a batch left, samples done.
Handle evaluator_step(Handle e) {
  return done([=] {
    const bool more = object<EvaluatorPtr>(e)->step();
    send(kEvaluatorStep, {static_cast<double>(more), static_cast<double>(object<EvaluatorPtr>(e)->done())});
  });
}
Handle evaluator_begin(Handle e) {
  return done([=] { begin(*object<EvaluatorPtr>(e)); });
}
/// Sends an `evaluatorStep`, as evaluator_step does.
Handle evaluator_finish(Handle e, Handle y) {
  return done([=] {
    object<EvaluatorPtr>(e)->finish(tensor(y));
    send(kEvaluatorStep, {1, static_cast<double>(object<EvaluatorPtr>(e)->done())});
  });
}
void evaluator_abandon(Handle e) { object<EvaluatorPtr>(e)->abandon(); }
/// Sends an `evaluation`.
Handle evaluator_result(Handle e) {
  return done([=] {
    const train::Evaluation& evaluation = object<EvaluatorPtr>(e)->result();
    send(kEvaluation, {evaluation.loss, evaluation.accuracy, static_cast<double>(evaluation.samples),
                       number(evaluation.predictions.data()), static_cast<double>(evaluation.predictions.size()),
                       number(evaluation.confusion.data()),
                       evaluation.confusion.empty() ? 0 : static_cast<double>(evaluation.classes)});
  });
}

}  // namespace

const Call calls_train[] = {
    TINYTORCH_CALL("sgd", sgd),
    TINYTORCH_CALL("adam", adam<optim::Adam>),
    TINYTORCH_CALL("adamW", adam<optim::AdamW>),
    TINYTORCH_CALL("releaseOptimizer", release<OptimizerPtr>),
    TINYTORCH_CALL("optimizerStep", optimizer_step),
    TINYTORCH_CALL("zeroGrad", zero_grad),
    TINYTORCH_CALL("learningRate", learning_rate),
    TINYTORCH_CALL("setLearningRate", set_learning_rate),
    TINYTORCH_CALL("optimizerSteps", optimizer_steps),
    TINYTORCH_CALL("clipGradNorm", clip_grad_norm),
    TINYTORCH_CALL("cosineSchedule", cosine_schedule),
    TINYTORCH_CALL("stepSchedule", step_schedule),

    TINYTORCH_CALL("loader", loader),
    TINYTORCH_CALL("releaseLoader", release<LoaderPtr>),
    TINYTORCH_CALL("loaderBatches", loader_batches),
    TINYTORCH_CALL("loaderSetEpoch", loader_set_epoch),
    TINYTORCH_CALL("loaderBatch", loader_batch),
    TINYTORCH_CALL("loaderIndices", loader_indices),

    TINYTORCH_CALL("trainer", trainer),
    TINYTORCH_CALL("releaseTrainer", release<TrainerPtr>),
    TINYTORCH_CALL("trainerStep", trainer_step),
    TINYTORCH_CALL("trainerBegin", trainer_begin),
    TINYTORCH_CALL("trainerFinish", trainer_finish),
    TINYTORCH_CALL("trainerAbandon", trainer_abandon),
    TINYTORCH_CALL("trainerProgress", trainer_progress),
    TINYTORCH_CALL("trainerParameters", trainer_parameters),
    TINYTORCH_CALL("reportValidation", report_validation),
    TINYTORCH_CALL("checkpoint", checkpoint),
    TINYTORCH_CALL("restore", restore),
    TINYTORCH_CALL("evaluator", evaluator),
    TINYTORCH_CALL("releaseEvaluator", release<EvaluatorPtr>),
    TINYTORCH_CALL("evaluatorStep", evaluator_step),
    TINYTORCH_CALL("evaluatorBegin", evaluator_begin),
    TINYTORCH_CALL("evaluatorFinish", evaluator_finish),
    TINYTORCH_CALL("evaluatorAbandon", evaluator_abandon),
    TINYTORCH_CALL("evaluatorResult", evaluator_result),
    {},
};

}  // namespace tinytorch::bindings
