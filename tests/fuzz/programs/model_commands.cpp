// Commands on layers, losses and optimisers.
#include "machine.h"

namespace tinytorch::fuzz {

namespace {

using N = std::array<std::uint8_t, 5>;

/// Parameters start with random numbers, which are taken over.
std::vector<Ref> taken_over(const nn::Module& module) {
  std::vector<Ref> result;
  for (const Tensor& parameter : module.parameters()) {
    Numbers values(static_cast<std::size_t>(parameter.numel()));
    parameter.copy_to(std::span<double>(values));
    result.push_back(reference::make(values, to_sizes(parameter.shape()), parameter.dtype()));
    result.back()->leaf = std::make_shared<reference::Leaf>();
  }
  return result;
}

Ref activate(int kind, const Ref& x) {
  static const std::vector<std::string_view> curves = {"relu", "sigmoid", "tanh", "gelu"};
  if (kind == 4) return reference::softmax(x, -1, false);
  return reference::unary(reference::named(reference::curves(), choose(curves, kind)), x);
}

nn::ModulePtr activation(int kind) {
  switch (kind) {
    case 0: return std::make_shared<nn::ReLU>();
    case 1: return std::make_shared<nn::Sigmoid>();
    case 2: return std::make_shared<nn::Tanh>();
    case 3: return std::make_shared<nn::GELU>();
    default: return std::make_shared<nn::Softmax>();
  }
}

/// Dense, an activation, perhaps LayerNorm and a second Dense, in a Sequential of a Sequential.
void create(Machine& machine, const N& n) {
  static const std::vector<std::int64_t> sizes = {1, 2, 3, 4, 5, 8, 13, 17, 33, 65};
  const DType dtype = floating_of(n[0]);
  const std::int64_t in = choose(sizes, n[1]), middle = choose(sizes, n[2]), out = choose(sizes, n[3]);
  const int kind = n[4] % 5;
  const bool bias = n[4] % 3 != 0, normed = n[4] % 2 == 0;
  const auto first = std::make_shared<nn::Dense>(in, middle, bias, dtype);
  std::vector<nn::ModulePtr> rest{activation(kind)};
  if (normed) rest.push_back(std::make_shared<nn::LayerNorm>(middle, 1e-5, dtype));
  rest.push_back(std::make_shared<nn::Dropout>(0));
  rest.push_back(std::make_shared<nn::Dense>(middle, out, true, dtype));
  ModelPair model;
  model.real = std::make_shared<nn::Sequential>(
      std::vector<nn::ModulePtr>{first, std::make_shared<nn::Sequential>(std::move(rest))});
  model.parameters = taken_over(*model.real);
  model.dtype = dtype;
  model.features = in;
  model.forward = [p = model.parameters, kind, bias, normed](const Ref& x) {
    std::size_t next = 1;
    Ref y = reference::matmul(x, p[0], bias ? p[next++] : nullptr);
    y = activate(kind, y);
    if (normed) y = reference::layer_norm(y, p[next], p[next + 1], 1e-5);
    next += normed ? 2 : 0;
    return reference::matmul(y, p[next], p[next + 1]);
  };
  machine.log << "model " << name_of(dtype) << ' ' << in << ' ' << middle << ' ' << out << ", activation " << kind
              << ", bias " << bias << ", norm " << normed << '\n';
  machine.models.push_back(std::move(model));
}

ModelPair some_model(Machine& machine, const N& n) {
  if (machine.models.empty()) create(machine, n);
  return choose(machine.models, n[0]);
}

void forward(Machine& machine, const N& n) {
  static const std::vector<Sizes> rows = {{1}, {2}, {3}, {5}, {2, 3}, {4, 1}, {0}, {17}};
  const ModelPair model = some_model(machine, n);
  Sizes shape = choose(rows, n[1]);
  shape.push_back(model.features);
  const Pair x = machine.some(n[2], [&](const Pair& pair) {
    const Numbers values = pair.ref->values();
    return n[3] % 2 == 0 && pair.ref->dtype() == model.dtype && !pair.ref->shape.empty() &&
           pair.ref->shape.back() == model.features && values.size() < 3000 &&
           std::all_of(values.begin(), values.end(), [](double value) { return std::abs(value) < 1e4; });
  });
  const bool fits = x.ref->dtype() == model.dtype && !x.ref->shape.empty() && x.ref->shape.back() == model.features;
  const Numbers values = x.ref->values();
  const bool is_tame = std::all_of(values.begin(), values.end(), [](double value) { return std::abs(value) < 1e4; });
  const Pair given = fits && is_tame && values.size() < 3000 ? x : machine.make(shape, model.dtype, n[3] % 11);
  machine.log << "forward on " << machine.name(given) << '\n';
  Tensor real;
  Ref ref;
  if (machine.both([&] { real = model.real->forward(given.real); }, [&] { ref = model.forward(given.ref); })) {
    machine.add(real, ref);
  }
}

/// A weight is overwritten: what was kept packed of it is stale.
void overwrite(Machine& machine, const N& n) {
  const ModelPair model = some_model(machine, n);
  const std::size_t i = n[1] % model.parameters.size();
  const Ref& ref = model.parameters[i];
  Tensor real = model.real->parameters()[i];
  const NoGrad no_grad;
  machine.log << "overwrite parameter " << i << " of model " << n[0] % machine.models.size() << '\n';
  const Pair source = machine.make(ref->shape, ref->dtype(), n[2] % 11);
  machine.both([&] { real.copy_from(source.real); }, [&] { reference::copy_from(ref, source.ref); });
}

/// A model is saved, overwritten and loaded: all is as it was.
void file(Machine& machine, const N& n) {
  const ModelPair model = some_model(machine, n);
  machine.log << "save, overwrite and load model " << n[0] % machine.models.size() << '\n';
  const std::vector<std::byte> bytes = io::write_safetensors(io::state_dict(*model.real));
  const NoGrad no_grad;
  for (Tensor parameter : model.real->parameters()) parameter.fill(n[1]);
  io::load_state_dict(*model.real, io::read_safetensors(bytes));
  for (const Ref& parameter : model.parameters) ++parameter->base->version;
  machine.verify();
}

void loss(Machine& machine, const N& n) {
  const bool mean = n[2] % 2 == 0;
  const ops::Reduction reduction = mean ? ops::Reduction::mean : ops::Reduction::sum;
  const auto is_tame = [](const Pair& pair) {
    const Numbers values = pair.ref->values();
    return is_floating(pair.ref->dtype()) &&
           std::all_of(values.begin(), values.end(), [](double value) { return std::abs(value) < 1e3; });
  };
  Tensor real;
  Ref ref;
  if (n[0] % 2 == 0) {
    const auto fits = [&](const Pair& pair) {
      return is_tame(pair) && pair.ref->shape.size() == 2 && pair.ref->shape[1] > 0;
    };
    const Pair x = machine.some(n[1], fits);
    if (!fits(x)) return;
    // The labels are every second element of a longer list.
    const std::int64_t rows = x.ref->shape[0];
    Numbers labels;
    std::vector<std::int32_t> list;
    for (std::int64_t i = 0; i < rows; ++i) {
      list.push_back(static_cast<std::int32_t>((n[3] + i * (1 + n[4] % 3)) % x.ref->shape[1]));
      labels.push_back(list.back());
      list.push_back(-7);
    }
    const Tensor table = Tensor::from(std::span<const std::int32_t>(list), {2 * rows});
    machine.log << "cross_entropy of " << machine.name(x) << ", mean " << mean << '\n';
    if (machine.both(
            [&] { real = ops::cross_entropy(x.real, table.slice(0, 0, 2 * rows, 2), reduction); },
            [&] { ref = reference::cross_entropy(x.ref, reference::make(labels, {rows}, DType::int32), mean); })) {
      machine.add(real, ref);
    }
    return;
  }
  const Pair x = machine.some(n[1], is_tame);
  const Pair target =
      machine.some(n[3], [&](const Pair& pair) { return is_tame(pair) && pair.ref->shape == x.ref->shape; });
  if (!is_tame(x) || !is_tame(target)) return;
  machine.log << "mse_loss of " << machine.name(x) << " and " << machine.name(target) << ", mean " << mean << '\n';
  if (machine.both([&] { real = ops::mse_loss(x.real, target.real, reduction); },
                   [&] { ref = reference::mse_loss(x.ref, target.ref, mean); })) {
    machine.add(real, ref);
  }
}

void optimizer(Machine& machine, const N& n) {
  using Kind = reference::OptimizerOptions::Kind;
  const ModelPair model = some_model(machine, n);
  const double rate = choose(std::array{0.125, 0.01, 1.0}, n[2]);
  reference::OptimizerOptions options;
  options.kind = static_cast<Kind>(n[1] % 3);
  options.momentum = choose(std::array{0.0, 0.9, 0.5}, n[2]);
  options.nesterov = options.momentum > 0 && n[3] % 4 == 0;
  options.dampening = options.nesterov ? 0 : choose(std::array{0.0, 0.5}, n[3]);
  options.weight_decay = choose(std::array{0.0, 0.01, 0.1}, n[3]);
  OptimizerPair pair;
  const std::vector<Tensor> parameters = model.real->parameters();
  if (options.kind == Kind::sgd) {
    pair.real = std::make_unique<optim::SGD>(
        parameters, rate,
        optim::SGDOptions{options.momentum, options.dampening, options.weight_decay, options.nesterov});
  } else {
    const optim::AdamOptions adam{.weight_decay = options.weight_decay};
    if (options.kind == Kind::adam) pair.real = std::make_unique<optim::Adam>(parameters, rate, adam);
    if (options.kind == Kind::adam_w) pair.real = std::make_unique<optim::AdamW>(parameters, rate, adam);
  }
  pair.ref = std::make_unique<reference::Optimizer>(model.parameters, rate, options);
  machine.log << "optimizer " << n[1] % 3 << " of model " << n[0] % machine.models.size() << ", rate " << rate
              << ", momentum " << options.momentum << ", dampening " << options.dampening << ", nesterov "
              << options.nesterov << ", decay " << options.weight_decay << '\n';
  machine.optimizers.push_back(std::move(pair));
}

void step(Machine& machine, const N& n) {
  if (machine.optimizers.empty()) return;
  OptimizerPair& pair = machine.optimizers[n[0] % machine.optimizers.size()];
  machine.log << "optimizer " << n[0] % machine.optimizers.size() << (n[1] % 4 == 0 ? " zero_grad" : " step") << '\n';
  if (n[1] % 4 == 0) {
    pair.real->zero_grad();
    pair.ref->zero_grad();
  } else {
    pair.real->step();
    pair.ref->step();
  }
  machine.verify();
}

constexpr std::array<Command, 16> commands = {create, forward, overwrite, file,      loss, optimizer, step, forward,
                                              loss,   step,    loss,      overwrite, step, forward,   loss, step};

}  // namespace

std::span<const Command> model_commands() { return commands; }

}  // namespace tinytorch::fuzz
