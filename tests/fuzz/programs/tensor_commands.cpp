// Commands on tensors.
#include <limits>

#include "machine.h"
#include "ops/row.h"

namespace tinytorch::fuzz {

namespace {

using reference::Base;
using reference::Refused;
using N = std::array<std::uint8_t, 5>;

bool is_float(const Pair& pair) { return is_floating(pair.ref->dtype()); }

/// What is written into a recorded result is not recorded, so it must be refused.
void refuse_writing(const Ref& to) {
  if (reference::recording && to->node) throw Refused("writing into a recorded result");
}

void create(Machine& machine, const N& n) {
  static const std::vector<DType> dtypes = {DType::float32, DType::float32, DType::float64,
                                            DType::float32, DType::int32,   DType::uint8};
  const Sizes shape = shape_of(n[0]);
  const DType dtype = choose(dtypes, n[1]);
  const double value = numbers(n[2], {1}, is_floating(dtype) ? DType::float32 : dtype)[0];
  Pair* made = nullptr;
  switch (n[3] % 6) {
    case 0: made = &machine.add(Tensor::zeros(to_dims(shape), dtype), reference::full(shape, 0, dtype)); break;
    case 1:
      made = &machine.add(Tensor::full(to_dims(shape), value, dtype), reference::full(shape, value, dtype));
      break;
    case 2: {
      const std::int64_t rows = n[0] % 5, columns = n[2] % 5;
      Numbers values;
      for (const Sizes& index : reference::indices({rows, columns})) values.push_back(index[0] == index[1] ? 1 : 0);
      made = &machine.add(Tensor::eye(rows, columns, dtype), reference::make(values, {rows, columns}, dtype));
      break;
    }
    default: made = &machine.make(shape, dtype, n[2]);
  }
  if (is_float(*made) && n[4] % 3 == 0) {
    set_requires_grad(made->real);
    made->ref->leaf = std::make_shared<reference::Leaf>();
  }
  machine.log << "create " << machine.name(*made) << '\n';
}

void view(Machine& machine, const N& n) {
  const Pair a = machine.some(n[0]);
  const Sizes& shape = a.ref->shape;
  const auto ndim = static_cast<std::int64_t>(shape.size()), size = static_cast<std::int64_t>(a.ref->size());
  const auto axis = [&](int k) { return ndim == 0 ? k % 2 : k % (2 * ndim) - ndim; };
  machine.log << machine.name(a);
  std::function<Ref(const Ref&)> model;
  std::function<Tensor(const Tensor&)> library;
  switch (n[1] % 4) {
    case 0: {
      std::vector<Sizes> shapes = {{-1}, {size}, {1, size}, {2, -1}, {n[2] % 7, -1}, {-1, 1}, {n[2] % 4, n[3] % 4}};
      shapes.push_back(shape);
      std::reverse(shapes.back().begin(), shapes.back().end());
      shapes.push_back(shape);
      shapes.back().push_back(1);
      const Sizes to = choose(shapes, n[4]);
      machine.log << " reshape " << to_string(to_dims(to)) << '\n';
      library = [=](const Tensor& t) { return t.reshape(to_dims(to)); };
      model = [=](const Ref& t) { return reference::reshape(t, to); };
      break;
    }
    case 1: {
      const std::int64_t i = axis(n[2]), j = axis(n[3]);
      machine.log << " transpose " << i << ' ' << j << '\n';
      library = [=](const Tensor& t) { return t.transpose(i, j); };
      model = [=](const Ref& t) { return reference::transpose(t, i, j); };
      break;
    }
    case 2: {
      const std::int64_t dim = axis(n[2]), start = n[3] % 13 - 6, step = 1 + n[4] % 3;
      const std::int64_t stop = n[4] % 4 == 0 ? std::numeric_limits<std::int64_t>::max() : n[4] % 17 - 6;
      machine.log << " slice " << dim << ' ' << start << ' ' << stop << ' ' << step << '\n';
      library = [=](const Tensor& t) { return t.slice(dim, start, stop, step); };
      model = [=](const Ref& t) { return reference::slice(t, dim, start, stop, step); };
      break;
    }
    default: {
      Sizes to = shape;
      for (std::int64_t& each : to) each = each == 1 && n[2] % 2 == 0 ? n[3] % 4 : each;
      if (n[4] % 2 == 0) to.insert(to.begin(), 1 + n[4] % 3);
      if (to == shape || to.size() > 8) return;
      machine.log << " expand " << to_string(to_dims(to)) << '\n';
      library = [=](const Tensor& t) { return t.expand(to_dims(to)); };
      model = [=](const Ref& t) { return reference::expand(t, to); };
    }
  }
  Tensor real;
  Ref ref;
  if (machine.both([&] { real = library(a.real); }, [&] { ref = reference::viewed(a.ref, model); })) {
    machine.add(real, ref);
  }
}

void write(Machine& machine, const N& n) {
  Pair to = machine.some(n[0], [&](const Pair& pair) { return n[4] % 8 == 0 || !pair.ref->node; });
  if (n[1] % 3 == 0) {
    const double value = numbers(n[3], {1}, to.ref->dtype())[0];
    machine.log << machine.name(to) << " fill " << value << '\n';
    machine.both([&] { to.real.fill(value); },
                 [&] {
                   refuse_writing(to.ref);
                   reference::fill(to.ref, value);
                 },
                 to.ref->repeats());
    return;
  }
  const Pair from = machine.some(n[2], [&](const Pair& pair) {
    return n[4] % 4 == 0 || !refuses([&] { (void)reference::expand(pair.ref, to.ref->shape); });
  });
  machine.log << machine.name(to) << " copy_from " << machine.name(from) << '\n';
  machine.both([&] { to.real.copy_from(from.real); },
               [&] {
                 refuse_writing(to.ref);
                 if (reference::recording && from.ref->requires_grad()) throw Refused("copy_from: recorded");
                 reference::copy_from(to.ref, from.ref);
               },
               to.ref->repeats() || to.ref == from.ref);
}

/// Runs an operation into a new tensor, recorded, or, mostly where `n` says so, into `out`, which may be an operand,
/// any that fits, or a view of a larger one.
void apply(Machine& machine, std::string_view name, const std::vector<Pair>& operands, std::uint8_t n,
           const std::function<Tensor(Tensor* out)>& operation, const std::function<Ref()>& model) {
  machine.log << name << " of";
  for (const Pair& each : operands)
    machine.log << ' ' << name_of(each.ref->dtype()) << to_string(to_dims(each.ref->shape));
  machine.log << '\n';
  Ref ref;
  Tensor real;
  const auto run_model = [&] { ref = model(); };
  if (n % 4 != 0 || refuses([&] { (void)model(); })) {
    if (machine.both([&] { real = operation(nullptr); }, run_model)) machine.add(real, ref);
    return;
  }
  run_model();
  const Ref result = reference::detach(ref);
  std::vector<Pair> found;
  for (const Pair& pair : machine.pool) {
    const Ref& out = pair.ref;
    const bool fits = out->shape == result->shape && out->dtype() == result->dtype() && !out->repeats();
    if (fits && (n % 64 == 0 || !out->node)) found.push_back(pair);
  }
  Pair out;
  if (!found.empty() && n % 8 == 0) {
    out = choose(found, n >> 3);
  } else {
    if (result->shape.size() > 6) return;
    Sizes wide = result->shape;
    wide.push_back(2);
    const Pair whole = machine.make(wide, result->dtype(), n);
    const Tensor column = whole.real.slice(-1, 1, 2).reshape(to_dims(result->shape));
    const Ref column_ref = reference::reshape(reference::slice(whole.ref, -1, 1, 2, 1), result->shape);
    out = machine.add(column, column_ref);
  }
  machine.log << "    into " << to_string(to_dims(out.ref->shape)) << '\n';
  // A product takes no `out` that shares memory with an operand, whether or not elements meet.
  const bool shares =
      name.starts_with("matmul") &&
      std::any_of(operands.begin(), operands.end(), [&](const Pair& each) { return each.ref->base == out.ref->base; });
  const auto copy = [&] {
    refuse_writing(out.ref);
    if (reference::recording && ref->requires_grad()) throw Refused("a result in out is not recorded");
    out.ref->write(result->values(), result->errors());
  };
  if (machine.both([&] { real = operation(&out.real); }, copy, shares)) machine.compare(real, out.ref, "out");
}

/// The elementwise operations of so many operands, from the table: a new one is among them.
std::vector<const detail::Operation*> elementwise(std::size_t operands) {
  std::vector<const detail::Operation*> found;
  for (const detail::Family& family : detail::families()) {
    for (const detail::Operation& each : family) {
      const std::span<const detail::Parameter> kinds(each.parameters.data(), each.count);
      const auto tensors = std::ranges::count(kinds, detail::Kind::tensor, &detail::Parameter::kind);
      const auto outs = std::ranges::count(kinds, detail::Kind::out, &detail::Parameter::kind);
      const auto all = static_cast<std::size_t>(tensors + outs);
      if (all == each.count && outs == 1 && static_cast<std::size_t>(tensors) == operands) found.push_back(&each);
    }
  }
  return found;
}

Tensor call(const detail::Operation& operation, const std::vector<Pair>& operands, Tensor* out) {
  std::vector<detail::Value> arguments;
  for (const Pair& each : operands) arguments.push_back({.tensor = each.real});
  arguments.push_back({.tensor = out ? *out : Tensor()});
  return operation.call(arguments);
}

void unary(Machine& machine, const N& n) {
  static const std::vector<const detail::Operation*> library = elementwise(1);
  const Pair a = n[3] % 16 == 0 ? machine.some(n[0]) : machine.some(n[0], is_float);
  const detail::Operation& operation = *choose(library, n[1]);
  const reference::Curve& curve = reference::named(reference::curves(), operation.op.name);
  apply(
      machine, curve.name, {a}, n[2], [&](Tensor* out) { return call(operation, {a}, out); },
      [&] { return reference::unary(curve, a.ref); });
}

void binary(Machine& machine, const N& n) {
  static const std::vector<const detail::Operation*> library = elementwise(2);
  const Pair a = n[4] % 16 == 0 ? machine.some(n[0]) : machine.some(n[0], is_float);
  const Pair b = n[4] % 8 == 0 ? machine.some(n[1]) : machine.some(n[1], [&](const Pair& pair) {
    return pair.ref->dtype() == a.ref->dtype() &&
           !refuses([&] { (void)reference::broadcast(a.ref->shape, pair.ref->shape); });
  });
  if (a.ref->size() * b.ref->size() > 100000 && a.ref->shape != b.ref->shape) return;
  const detail::Operation& operation = *choose(library, n[2]);
  const reference::Operator& op = reference::named(reference::operators(), operation.op.name);
  apply(
      machine, op.name, {a, b}, n[3], [&](Tensor* out) { return call(operation, {a, b}, out); },
      [&] { return reference::binary(op, a.ref, b.ref); });
}

void reduce(Machine& machine, const N& n) {
  const Pair a = n[4] % 16 == 0 ? machine.some(n[0]) : machine.some(n[0], is_float);
  const auto ndim = static_cast<std::int64_t>(a.ref->shape.size());
  ops::Axes axes{.keepdim = n[4] % 2 == 1};
  if (n[2] % 3 != 0) axes.dim = n[2] % (2 * std::max<std::int64_t>(ndim, 1)) - std::max<std::int64_t>(ndim, 1);
  switch (n[1] % 4) {
    case 0:
      return apply(
          machine, "sum", {a}, n[3], [&](Tensor* out) { return ops::sum(a.real, axes, out); },
          [&] { return reference::reduce(reference::Reduce::sum, a.ref, axes.dim, axes.keepdim); });
    case 1:
      return apply(
          machine, "mean", {a}, n[3], [&](Tensor* out) { return ops::mean(a.real, axes, out); },
          [&] { return reference::reduce(reference::Reduce::mean, a.ref, axes.dim, axes.keepdim); });
    case 2:
      return apply(
          machine, "max", {a}, n[3], [&](Tensor* out) { return ops::max(a.real, axes, out); },
          [&] { return reference::reduce(reference::Reduce::max, a.ref, axes.dim, axes.keepdim); });
    default:
      return apply(
          machine, "argmax", {a}, n[3], [&](Tensor* out) { return ops::argmax(a.real, axes, out); },
          [&] { return reference::argmax(a.ref, axes.dim, axes.keepdim); });
  }
}

void softmax(Machine& machine, const N& n) {
  const auto is_finite = [](const Pair& pair) {
    const Numbers values = pair.ref->values();
    return is_float(pair) && !pair.ref->shape.empty() &&
           std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
  };
  const Pair a = machine.some(n[0], is_finite);
  if (!is_finite(a)) return;
  const auto ndim = static_cast<std::int64_t>(a.ref->shape.size());
  const std::int64_t dim = n[1] % (2 * ndim) - ndim;
  const bool is_log = n[2] % 2 == 0;
  apply(
      machine, is_log ? "log_softmax" : "softmax", {a}, n[3],
      [&](Tensor* out) { return is_log ? ops::log_softmax(a.real, dim, out) : ops::softmax(a.real, dim, out); },
      [&] { return reference::softmax(a.ref, dim, is_log); });
}

void matmul(Machine& machine, const N& n) {
  const auto inner = [](const Ref& b) { return b->shape[b->shape.size() - (b->shape.size() > 1 ? 2 : 1)]; };
  const Pair a = machine.some(n[0], [](const Pair& pair) { return is_float(pair) && !pair.ref->shape.empty(); });
  if (a.ref->shape.empty()) return;
  const std::int64_t k = a.ref->shape.back();
  const std::int64_t columns = 1 + n[4] % (k > 99 ? 3 : 40);
  const Pair b = n[4] % 16 == 0  ? machine.some(n[1])
                 : n[4] % 3 == 0 ? machine.some(n[1],
                                                [&](const Pair& pair) {
                                                  return pair.ref->dtype() == a.ref->dtype() &&
                                                         !pair.ref->shape.empty() && inner(pair.ref) == k;
                                                })
                                 : machine.make(n[1] % 8 == 0 ? Sizes{k} : Sizes{k, columns}, a.ref->dtype(), n[1]);
  if (a.ref->size() * b.ref->size() > 400000) return;
  std::vector<KernelId> rungs{kAutoKernel};
  for (std::size_t i = 0; i < kernels().size(); ++i) {
    if (kernels()[i].available) rungs.push_back(static_cast<KernelId>(i));
  }
  const KernelId kernel = n[2] % 2 == 0 ? kAutoKernel : choose(rungs, n[2] / 2);
  const std::string name =
      "matmul by " + std::string(kernel < 0 ? "auto" : kernels()[static_cast<std::size_t>(kernel)].name);
  apply(
      machine, name, {a, b}, n[3],
      [&](Tensor* out) { return ops::matmul(a.real, b.real, {.kernel = kernel, .out = out}); },
      [&] { return reference::matmul(a.ref, b.ref); });
}

void copy(Machine& machine, const N& n) {
  const Pair a = machine.some(n[0]);
  const DType dtype = static_cast<DType>(n[2] % 4);
  machine.log << machine.name(a) << " copy, kind " << n[1] % 3 << ' ' << name_of(dtype) << '\n';
  switch (n[1] % 3) {
    case 0: machine.add(a.real.clone(), reference::copied(a.ref, a.ref->dtype())); return;
    case 1: machine.add(detach(a.real), reference::detach(a.ref)); return;
    default: machine.add(a.real.to(dtype), a.ref->dtype() == dtype ? a.ref : reference::copied(a.ref, dtype));
  }
}

void toggle(Machine& machine, const N& n) {
  Pair a = machine.some(n[0]);
  const bool value = n[1] % 3 != 0;
  machine.log << machine.name(a) << " requires_grad " << value << '\n';
  machine.both([&] { set_requires_grad(a.real, value); },
               [&] {
                 if (a.ref->node || (value && !is_float(a))) throw Refused("requires_grad");
                 if (!value) a.ref->leaf = nullptr;
                 if (value && !a.ref->leaf) a.ref->leaf = std::make_shared<reference::Leaf>();
               });
}

void go_back(Machine& machine, const N& n) {
  const Pair root = machine.some(n[0], [&](const Pair& pair) { return n[1] % 16 == 0 || pair.ref->requires_grad(); });
  const bool is_given = root.ref->size() != 1 ? n[1] % 9 != 8 : n[1] % 3 == 0;
  const bool retain = n[1] % 4 == 0;
  Pair gradient;
  if (is_given) {
    gradient = n[2] % 8 == 7 ? machine.some(n[3]) : machine.make(root.ref->shape, root.ref->dtype(), n[2] % 11);
  }
  const bool may_refuse = reference::may_refuse(root.ref);
  machine.log << "backward of " << machine.name(root) << ", retain " << retain << ", given " << is_given << '\n';
  if (!machine.both([&] { backward(root.real, {.gradient = gradient.real, .retain_graph = retain}); },
                    [&] { reference::backward(root.ref, gradient.ref, retain); }, may_refuse)) {
    reference::refused(root.ref);
  }
  machine.verify();
}

void gradient(Machine& machine, const N& n) {
  Pair a = machine.some(n[0], [](const Pair& pair) { return pair.ref->leaf != nullptr; });
  machine.log << machine.name(a) << " grad, kind " << n[1] % 3 << '\n';
  if (n[1] % 3 == 0) {
    const Tensor got = grad(a.real);
    if (got.defined() && a.ref->leaf && a.ref->leaf->grad) machine.add(got, a.ref->leaf->grad);
    return;
  }
  Pair given;
  if (n[1] % 3 == 1) {
    given = machine.some(n[2], [&](const Pair& pair) { return n[3] % 8 == 0 || pair.ref->shape == a.ref->shape; });
  }
  machine.both([&] { set_grad(a.real, given.real); },
               [&] {
                 const Ref& g = given.ref;
                 if (!g && !a.ref->requires_grad()) return;
                 if (!a.ref->leaf) throw Refused("set_grad: no leaf");
                 if (g && (g->dtype() != a.ref->dtype() || g->shape != a.ref->shape)) {
                   throw Refused("set_grad: does not fit");
                 }
                 // Shared, without its history, where it is dense and not the tensor's own memory.
                 const bool is_own = g && (!g->is_dense() || reference::may_overlap(g, a.ref));
                 a.ref->leaf->grad = !g       ? nullptr
                                     : is_own ? reference::make(g->values(), g->shape, g->dtype())
                                              : reference::detach(g);
               });
}

void drop(Machine& machine, const N& n) {
  if (machine.pool.empty()) return;
  const auto at = n[0] % machine.pool.size();
  machine.log << "drop #" << at << '\n';
  machine.pool.erase(machine.pool.begin() + static_cast<std::ptrdiff_t>(at));
}

void threads(Machine& machine, const N& n) {
  machine.log << "threads " << 1 + n[0] % 4 << '\n';
  set_num_threads(1 + n[0] % 4);
}

/// Mistakes: each must be an Error, and change nothing.
void wrong(Machine& machine, const N& n) {
  Pair a = machine.some(n[0]);
  const auto ndim = static_cast<std::int64_t>(a.ref->shape.size());
  const Tensor other = a.real.to(a.ref->dtype() == DType::float32 ? DType::float64 : DType::float32);
  const std::vector<std::function<void()>> uses = {
      [&] { (void)a.real.reshape({static_cast<std::int64_t>(a.ref->size()) + 1}); },
      [&] { (void)a.real.reshape({-1, -1}); },
      [&] { (void)a.real.transpose(ndim, 0); },
      [&] { (void)a.real.slice(-ndim - 1, 0, 1); },
      [&] { (void)a.real.slice(0, 0, 1, 0); },
      [&] { (void)ops::add(a.real, other); },
      [&] { (void)ops::exp(a.real.to(DType::int32)); },
      [&] { (void)ops::sum(a.real, {ndim + 1}); },
      [&] { (void)ops::softmax(a.real, ndim + 1); },
      [&] { (void)Tensor::zeros({-1}); },
      [&] { (void)Tensor::zeros({std::int64_t{1} << 40, std::int64_t{1} << 40}); },
      [&] { (void)Tensor::arange(0, 4, 0); },
      [&] { (void)ops::matmul(a.real, Tensor()); },
      [&] { (void)ops::add(a.real, Tensor()); },
      [&] {
        Tensor t = a.real.to(DType::int32);
        set_requires_grad(t);
      },
      [&] { (void)kernel_id("fastest"); },
      [&] { optim::SGD({detach(a.real).to(DType::int32)}, 0.1); },
      [&] {
        Tensor out = Tensor::zeros({3, 1, 4, 1, 5});
        (void)ops::add(a.real, a.real, &out);
      },
  };
  machine.log << "wrong use " << n[1] % uses.size() << " of " << machine.name(a) << '\n';
  try {
    choose(uses, n[1])();
  } catch (const Error&) {
    machine.verify();
    return;
  }
  throw Difference("a wrong use was accepted");
}

constexpr std::array<Command, 32> commands = {create,  view,   write,   unary,    binary, reduce,  softmax, matmul,
                                              copy,    toggle, go_back, gradient, drop,   threads, wrong,   create,
                                              view,    view,   write,   unary,    binary, binary,  reduce,  matmul,
                                              go_back, view,   create,  write,    toggle, go_back, unary,   reduce};

}  // namespace

std::span<const Command> tensor_commands() { return commands; }

}  // namespace tinytorch::fuzz
