// Trains 784-256-128-10 on MNIST natively, prints its progress, and writes the model as a safetensors file.
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tinytorch/io.h"
#include "tinytorch/random.h"
#include "tinytorch/threads.h"
#include "tinytorch/train.h"

namespace {

using namespace tinytorch;

constexpr const char* usage =
    "usage: train_mnist --data FOLDER [--epochs N] [--seed N] [--out FILE] [--threads N] [--batches N]\n"
    "  --data FOLDER   with the four IDX files, unpacked\n"
    "  --threads N     0, the default: one for each processor\n"
    "  --batches N     stop after so many batches of an epoch: for a trial\n";

struct Options {
  std::string data, out = "build/mnist-native.safetensors";
  std::int64_t epochs = 4, seed = 42, threads = 0, batches = 0;
};

std::int64_t whole_number(std::string_view name, std::string_view text, std::int64_t lowest) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < lowest) {
    throw std::invalid_argument(std::string(name) + " takes a whole number from " + std::to_string(lowest) + ", not '" +
                                std::string(text) + "'");
  }
  return value;
}

Options parse(std::span<char*> arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const std::string_view name = arguments[i];
    if (i + 1 == arguments.size()) throw std::invalid_argument(std::string(name) + " needs a value");
    const std::string_view value = arguments[i + 1];
    if (name == "--data") {
      options.data = value;
    } else if (name == "--out") {
      options.out = value;
    } else if (name == "--epochs") {
      options.epochs = whole_number(name, value, 1);
    } else if (name == "--seed") {
      options.seed = whole_number(name, value, 0);
    } else if (name == "--threads") {
      options.threads = whole_number(name, value, 0);
    } else if (name == "--batches") {
      options.batches = whole_number(name, value, 0);
    } else {
      throw std::invalid_argument("unknown option '" + std::string(name) + "'");
    }
  }
  if (options.data.empty()) throw std::invalid_argument("--data is needed");
  return options;
}

Tensor read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
  return data::read_idx(std::as_bytes(std::span(bytes)));
}

data::TensorDataset digits(const std::string& folder, const std::string& name) {
  const Tensor images = read(folder + "/" + name + "-images-idx3-ubyte");
  return {images.reshape({images.size(0), 28 * 28}), read(folder + "/" + name + "-labels-idx1-ubyte")};
}

std::shared_ptr<nn::Sequential> network() {
  return std::make_shared<nn::Sequential>(std::vector<nn::ModulePtr>{
      std::make_shared<nn::Dense>(784, 256), std::make_shared<nn::ReLU>(), std::make_shared<nn::Dense>(256, 128),
      std::make_shared<nn::ReLU>(), std::make_shared<nn::Dense>(128, 10)});
}

/// One line that is written over on a terminal; elsewhere only at the end of an epoch.
void show(const train::Progress& p, bool terminal) {
  std::printf("%sepoch %lld of %lld, batch %lld of %lld: loss %.4f, accuracy %.2f %%, %.0f images/s, %.0f s left%s",
              terminal ? "\r" : "", static_cast<long long>(p.epoch + (p.epoch_ended ? 0 : 1)),
              static_cast<long long>(p.epochs), static_cast<long long>(p.batch), static_cast<long long>(p.batches),
              p.epoch_loss, p.epoch_accuracy * 100, p.samples_per_second, p.seconds_left, terminal ? "   " : "\n");
  std::fflush(stdout);
}

void save(const nn::Module& model, const Options& options, double accuracy) {
  io::TensorFile file = io::state_dict(model);
  file.metadata = {{"trained_by", "scripts/train_mnist.sh --engine native --epochs " + std::to_string(options.epochs) +
                                      " --seed " + std::to_string(options.seed)},
                   {"input", "784 grey values / 255"},
                   {"test_accuracy", std::to_string(accuracy)}};
  const std::vector<std::byte> bytes = io::write_safetensors(file);
  std::ofstream out(options.out, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) throw std::runtime_error("cannot write " + options.out);
}

void run(const Options& options) {
  if (options.threads > 0) set_num_threads(static_cast<int>(options.threads));
  const data::TensorDataset test = digits(options.data, "t10k");
  const auto seed = static_cast<std::uint64_t>(options.seed);
  manual_seed(seed);
  const auto model = network();
  const auto loader = std::make_shared<data::DataLoader>(
      digits(options.data, "train"),
      data::LoaderOptions{.batch_size = 128, .shuffle = true, .drop_last = true, .seed = seed});
  const auto optimizer = std::make_shared<optim::Adam>(model->parameters(), 4e-3, optim::AdamOptions{.beta2 = 0.99});
  train::Trainer trainer(
      model, optimizer, loader,
      {.epochs = options.epochs, .schedule = train::Schedule::cosine, .schedule_lowest = 1e-5, .warmup = 0.2});
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  double shown = 0;
  const auto on_batch = [&](const train::Progress& p) {
    if (p.epoch_ended || (terminal && p.seconds - shown > 0.2)) {
      show(p, terminal);
      shown = p.seconds;
    }
    return options.batches == 0 || p.steps < options.batches;
  };
  const auto on_epoch = [&](const train::Progress&) {
    const train::Evaluation result = train::evaluate(model, test);
    std::printf("%s  test loss %.4f, test accuracy %.2f %%\n", terminal ? "\n" : "", result.loss,
                result.accuracy * 100);
    return true;
  };
  const train::Progress end = trainer.fit({on_batch, on_epoch});
  const double accuracy = train::evaluate(model, test).accuracy;
  save(*model, options, accuracy);
  std::printf("%s%s: test accuracy %.2f %%, trained in %.1f s on %d threads\n",
              terminal && !end.epoch_ended ? "\n" : "", options.out.c_str(), accuracy * 100, end.seconds,
              num_threads());
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1 && (std::strcmp(arguments[1], "--help") == 0 || std::strcmp(arguments[1], "-h") == 0)) {
    std::fputs(usage, stdout);
    return 0;
  }
  try {
    run(parse(std::span(arguments, static_cast<std::size_t>(count)).subspan(1)));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "train_mnist: %s\n", error.what());
    return 1;
  }
}
