// A subclass's forward() is what runs, wherever the layer is; layers and tensors that are used in several places.
#include <functional>
#include <memory>

#include "autograd_tester.h"
#include "tinytorch/io.h"
#include "tinytorch/nn.h"
#include "tinytorch/optim.h"
#include "tinytorch/train.h"

namespace tinytorch::testing {
namespace {

/// Any layer, with minus its result.
template <class Layer>
class Minus : public Layer {
 public:
  using Layer::Layer;
  [[nodiscard]] Tensor forward(const Tensor& x) override {
    ++calls;
    return ops::neg(Layer::forward(x));
  }
  int calls = 0;
};

struct Case {
  std::string name;
  std::function<nn::ModulePtr()> plain, minus;
};
template <class Layer, class... Arguments>
Case make_case(std::string name, Arguments... arguments) {
  return {std::move(name), [=] { return std::make_shared<Layer>(arguments...); },
          [=] { return std::make_shared<Minus<Layer>>(arguments...); }};
}
std::vector<Case> all_layers() {
  return {make_case<nn::Dense>("Dense", 6, 6),
          make_case<nn::ReLU>("ReLU"),
          make_case<nn::Sigmoid>("Sigmoid"),
          make_case<nn::Tanh>("Tanh"),
          make_case<nn::GELU>("GELU"),
          make_case<nn::Softmax>("Softmax"),
          make_case<nn::Dropout>("Dropout", 0.0),
          make_case<nn::LayerNorm>("LayerNorm", 6),
          make_case<nn::Flatten>("Flatten"),
          {"Sequential",
           [] { return std::make_shared<nn::Sequential>(std::vector<nn::ModulePtr>{std::make_shared<nn::Tanh>()}); },
           [] {
             return std::make_shared<Minus<nn::Sequential>>(std::vector<nn::ModulePtr>{std::make_shared<nn::Tanh>()});
           }}};
}

TEST(Subclass, ItsForwardRunsWhereverTheLayerIs) {
  manual_seed(4);
  const Tensor x = Tensor::randn({5, 6});
  for (const Case& test : all_layers()) {
    for (const bool after_dense : {false, true}) {
      for (const bool before_relu : {false, true}) {
        for (const bool nested : {false, true}) {
          SCOPED_TRACE(test.name + (after_dense ? ", after Dense" : "") + (before_relu ? ", before ReLU" : "") +
                       (nested ? ", nested" : ""));
          const nn::ModulePtr minus = test.minus(), plain = test.plain();
          const auto from = plain->named_parameters(), to = minus->named_parameters();
          for (std::size_t i = 0; i < from.size(); ++i) Tensor(to[i].second).copy_from(detach(from[i].second));
          std::vector<nn::ModulePtr> layers;
          if (after_dense) layers.push_back(std::make_shared<nn::Dense>(6, 6));
          layers.push_back(minus);
          if (before_relu) layers.push_back(std::make_shared<nn::ReLU>());
          nn::ModulePtr model = std::make_shared<nn::Sequential>(layers);
          if (nested) model = std::make_shared<nn::Sequential>(std::vector{model});
          const NoGrad no_grad;
          Tensor want = after_dense ? layers[0]->forward(x) : x;
          want = ops::neg(plain->forward(want));
          if (before_relu) want = ops::relu(want);
          EXPECT_EQ(values(model->forward(x)), values(want));
          Tensor out = Tensor::zeros(want.shape());
          (void)model->forward_into(x, out);
          EXPECT_EQ(values(out), values(want));
          Tensor direct = Tensor::zeros(x.shape());
          (void)minus->forward_into(x, direct);
          EXPECT_EQ(values(direct), values(ops::neg(plain->forward(x))));
        }
      }
    }
  }
}

TEST(Subclass, ItsForwardRunsInTrainingAndEvaluation) {
  auto minus = std::make_shared<Minus<nn::ReLU>>();
  auto dense = std::make_shared<Minus<nn::Dense>>(3, 2);
  auto model = std::make_shared<nn::Sequential>(std::vector<nn::ModulePtr>{dense, minus});
  const data::TensorDataset dataset(Tensor::randn({10, 3}), Tensor::zeros({10}, DType::int32));
  auto loader = std::make_shared<data::DataLoader>(dataset, data::LoaderOptions{.batch_size = 4});
  train::Trainer(model, std::make_shared<optim::SGD>(model->parameters(), 0.1), loader).fit();
  EXPECT_EQ(minus->calls, 3);
  EXPECT_EQ(dense->calls, 3);
  (void)train::evaluate(model, dataset, train::Loss::cross_entropy, 5);
  EXPECT_EQ(minus->calls, 5);
}

TEST(SharedLayers, AreListedCountedClippedAndSavedOnce) {
  auto tied = std::make_shared<nn::Dense>(4, 4);
  auto relu = std::make_shared<nn::ReLU>();
  auto inner = std::make_shared<nn::Sequential>(std::vector<nn::ModulePtr>{relu, tied});
  nn::Sequential model({tied, inner, tied, std::make_shared<nn::Dense>(4, 2)});
  std::vector<std::string> names, state;
  for (const auto& [name, t] : model.named_parameters()) names.push_back(name);
  for (const auto& [name, t] : model.named_state()) state.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"0.weight", "0.bias", "3.weight", "3.bias"}));
  EXPECT_EQ(state, (std::vector<std::string>{"0.weight", "0.bias", "1.1.weight", "1.1.bias", "2.weight", "2.bias",
                                             "3.weight", "3.bias"}));
  EXPECT_EQ(model.parameters().size(), 4u);
  const auto rows = nn::summary(model, {1, 4});
  std::int64_t sum = 0;
  for (std::size_t i = 0; i + 1 < rows.size(); ++i) sum += rows[i].parameters;
  EXPECT_EQ(rows.back().parameters, 4 * 4 + 4 + 4 * 2 + 2);
  EXPECT_EQ(rows.back().bytes, 4 * rows.back().parameters);
  EXPECT_EQ(sum, rows.back().parameters);
  backward(ops::sum(model.forward(Tensor::ones({3, 4}))));
  EXPECT_EQ(nn::gradient_stats(model).size(), 4u);
  const io::TensorFile file = io::state_dict(model);
  EXPECT_EQ(file.tensors.size(), 4u);
  const std::vector<double> before = values(tied->weight());
  tied->weight().fill(0);
  io::load_state_dict(model, file);
  EXPECT_EQ(values(tied->weight()), before);
  // PyTorch's state_dict has every name; any of them will do, if they agree.
  io::TensorFile all = file;
  all.tensors.emplace_back("1.1.weight", file.tensors[0].second.clone());
  io::load_state_dict(model, all);
  all.tensors.erase(all.tensors.begin());
  tied->weight().fill(0);
  io::load_state_dict(model, all);
  EXPECT_EQ(values(tied->weight()), before);
  all.tensors.emplace_back("2.weight", Tensor::ones({4, 4}));
  EXPECT_ERROR(io::load_state_dict(model, all), ErrorCode::io,
               "are one parameter of the model, but differ in the file");
  all.tensors = {file.tensors[1], file.tensors[2], file.tensors[3]};
  EXPECT_ERROR(io::load_state_dict(model, all), ErrorCode::io, "the file has no tensor '0.weight'");
}

TEST(Modes, EveryModuleHasItsOwnModeBack) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    Generator random(seed);
    // A random graph of Sequentials: any module may be in several of them.
    std::vector<nn::ModulePtr> modules{std::make_shared<nn::Dropout>(0.5), std::make_shared<nn::ReLU>()};
    while (modules.size() < 8) {
      std::vector<nn::ModulePtr> layers;
      for (std::uint64_t i = 0; i < random.below(4); ++i) layers.push_back(modules[random.below(modules.size())]);
      modules.push_back(std::make_shared<nn::Sequential>(layers));
    }
    const nn::ModulePtr outermost = modules.back();
    for (const nn::ModulePtr& m : modules) m->set_training(random.below(2) == 0);
    std::vector<bool> before;
    for (const nn::ModulePtr& m : modules) before.push_back(m->training());
    const auto check = [&](const char* when) {
      for (std::size_t i = 0; i < modules.size(); ++i) EXPECT_EQ(modules[i]->training(), before[i]) << when << ' ' << i;
    };
    for (const bool training : {false, true}) {
      {
        const nn::ModeScope scope(outermost, training);
        EXPECT_EQ(outermost->training(), training);
        for (const nn::ModulePtr& child : outermost->children()) EXPECT_EQ(child->training(), training);
      }
      check("after the scope");
    }
    const data::TensorDataset data(Tensor::ones({6, 2}), Tensor::zeros({6}, DType::int32));
    (void)train::evaluate(outermost, data, train::Loss::cross_entropy, 4);
    check("after an evaluation");
    const data::TensorDataset wrong(Tensor::ones({6, 2}), Tensor::full({6}, 7, DType::int32));
    EXPECT_ERROR(train::evaluate(outermost, wrong), ErrorCode::invalid_argument, "label 7");
    check("after an evaluation that failed");
  }
}

TEST(Modes, ALayerThatThrowsLeavesThemAsTheyWere) {
  class Throws : public nn::ReLU {
   public:
    [[nodiscard]] Tensor forward(const Tensor&) override { throw std::runtime_error("mine"); }
  };
  auto dropout = std::make_shared<nn::Dropout>(0.5);
  auto dense = std::make_shared<nn::Dense>(2, 2);
  auto model = std::make_shared<nn::Sequential>(std::vector<nn::ModulePtr>{dense, dropout, std::make_shared<Throws>()});
  const data::TensorDataset data(Tensor::ones({6, 2}), Tensor::zeros({6}, DType::int32));
  auto loader = std::make_shared<data::DataLoader>(data, data::LoaderOptions{.batch_size = 4});
  train::Trainer trainer(model, std::make_shared<optim::SGD>(dense->parameters(), 0.1), loader);
  for (const bool training : {true, false}) {
    model->set_training(training);
    EXPECT_THROW((void)train::evaluate(model, data), std::runtime_error);
    EXPECT_THROW(trainer.step(), std::runtime_error);
    EXPECT_EQ(dropout->training(), training);
    EXPECT_EQ(model->training(), training);
    EXPECT_EQ(trainer.progress().batch, 0);
  }
}

}  // namespace
}  // namespace tinytorch::testing
