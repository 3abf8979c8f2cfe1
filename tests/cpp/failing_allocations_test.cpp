// Every allocation of an operation fails once: an error each time, nothing lost, and afterwards the same bits as if it
// had not happened. A program of its own, because it replaces the allocation functions. Native: a module's heap is
// filled instead (tests/js/heap_full.test.ts).
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <new>
#include <string>
#include <thread>

#include "tinytorch/io.h"
#include "tinytorch/ops.h"
#include "train_tester.h"

namespace {

thread_local bool armed = false;       // this thread's allocations count
thread_local long left = 0;            // so many more succeed
thread_local bool has_failed = false;  // an allocation; what was asked for can have been done without it
thread_local bool threw = false;
std::atomic<long> live{0};  // what operator new has given and was not given back

bool fails() {
  if (!armed || left-- > 0) return false;
  armed = false;  // one failure; what is allocated for the error succeeds
  return has_failed = true;
}

void* allocate_or_null(std::size_t size) noexcept {
  void* memory = fails() ? nullptr : std::malloc(size > 0 ? size : 1);
  if (memory != nullptr) ++live;
  return memory;
}

void* allocate(std::size_t size) {
  if (void* memory = allocate_or_null(size)) return memory;
  throw std::bad_alloc();
}

void give_back(void* memory) noexcept {
  if (memory != nullptr) --live;
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
// Otherwise a sanitizer's own would be taken.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate_or_null(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate_or_null(size); }
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete[](void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::size_t) noexcept { give_back(memory); }

/// What the library's pool takes its buffers from.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  if (fails()) return nullptr;
  void* memory = nullptr;
  errno = posix_memalign(&memory, alignment, size);
  return errno == 0 ? memory : nullptr;
}
/// And a product its scratch.
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return aligned_alloc(static_cast<std::size_t>(alignment), size);
}
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }

namespace tinytorch::testing {
namespace {

/// Runs `work` again and again, the first allocation failing at first, then the second, until none is left to fail;
/// `check` follows each time. Returns how many there were.
long fail_each(const std::function<void()>& work, const std::function<void()>& check) {
  for (long place = 0;; ++place) {
    release_pooled_memory();  // a pooled buffer is no allocation
    has_failed = false;
    left = place;
    armed = true;
    threw = false;
    try {
      work();
    } catch (const Error& error) {
      armed = false;
      threw = true;
      EXPECT_EQ(error.code(), ErrorCode::out_of_memory) << error.what();
    } catch (const std::bad_alloc&) {
      armed = false;
      threw = true;
    }
    armed = false;
    // A failure may be survived, where what was asked for can be done without.
    EXPECT_TRUE(has_failed || !threw) << "allocation " << place;
    check();
    if (::testing::Test::HasFailure()) {
      ADD_FAILURE() << "allocation " << place;
      return place;
    }
    if (!has_failed) return place;
  }
}

struct Live {
  std::int64_t storages, bytes;
  bool operator==(const Live&) const = default;
};
Live live_tensors() {
  const MemoryStats stats = memory_stats();
  return {stats.storages, stats.live_bytes};
}

class FailingAllocations : public ::testing::Test {
 protected:
  void SetUp() override {
    train_a_little();  // what is made once for a process
    train_a_little();
    before_ = live_tensors();
    blocks_ = live;
  }
  void TearDown() override {
    EXPECT_EQ(live_tensors(), before_);
    EXPECT_EQ(live.load(), blocks_);
  }
  static std::vector<double> train_a_little() {
    Training s = make_setup(true);
    Trainer trainer(s.model, s.optimizer, s.loader, {.epochs = 3});
    for (int i = 0; i < 3; ++i) static_cast<void>(trainer.step());
    return weights(*s.model);
  }
  Live before_{};
  long blocks_ = 0;
};

TEST_F(FailingAllocations, TrainingStep) {
  for (const bool adam : {false, true}) {
    // What the steps give when nothing fails.
    Training plain = make_setup(adam);
    Trainer undisturbed(plain.model, plain.optimizer, plain.loader, {.epochs = 3, .clip_norm = 1});
    for (int i = 0; i < 4; ++i) static_cast<void>(undisturbed.step());
    const std::vector<double> expected = weights(*plain.model);

    for (const int steps_before : {0, 1}) {
      Training s = make_setup(adam);
      Trainer trainer(s.model, s.optimizer, s.loader, {.epochs = 3, .clip_norm = 1});
      for (int i = 0; i < steps_before; ++i) static_cast<void>(trainer.step());
      const std::vector<std::byte> checkpoint = trainer.checkpoint();
      const long count = fail_each([&] { static_cast<void>(trainer.step()); },
                                   [&] {
                                     trainer.restore(checkpoint);
                                     for (int i = steps_before; i < 4; ++i) static_cast<void>(trainer.step());
                                     EXPECT_EQ(weights(*s.model), expected);
                                     trainer.restore(checkpoint);
                                   });
      EXPECT_GT(count, 20);
    }
  }
}

TEST_F(FailingAllocations, AProductNamesItsSizes) {
  const Tensor a = Tensor::ones({30, 200}), b = Tensor::ones({200, 70});
  Tensor out = Tensor::zeros({30, 70});
  std::string text;
  std::thread([&] {  // its scratch is not there yet
    left = 0;
    armed = true;
    try {
      ops::matmul_out(out, a, b, {.kernel = kernel_id("packed")});
    } catch (const Error& error) {
      text = error.what();
    }
    armed = false;
  })
      .join();
  EXPECT_EQ(text, "matmul: out of memory for the workspace of [30,200] . [200,70] with kernel 'packed'");
}

TEST_F(FailingAllocations, Setup) {
  const std::vector<double> expected = train_a_little();
  const long count =
      fail_each([] { static_cast<void>(make_setup(true)); }, [&] { EXPECT_EQ(train_a_little(), expected); });
  EXPECT_GT(count, 20);
}

TEST_F(FailingAllocations, CheckpointAndRestore) {
  Training s = make_setup(true);
  Trainer trainer(s.model, s.optimizer, s.loader, {.epochs = 3});
  static_cast<void>(trainer.step());
  const std::vector<std::byte> first = trainer.checkpoint();
  const std::vector<double> then = weights(*s.model);
  static_cast<void>(trainer.step());
  const std::vector<std::byte> second = trainer.checkpoint();
  const std::vector<double> now = weights(*s.model);

  fail_each([&] { EXPECT_EQ(trainer.checkpoint(), second); }, [&] { EXPECT_EQ(trainer.checkpoint(), second); });
  // A restore that fails has changed nothing.
  fail_each([&] { trainer.restore(first); },
            [&] {
              EXPECT_EQ(weights(*s.model), threw ? now : then);
              EXPECT_EQ(trainer.checkpoint(), threw ? second : first);
              trainer.restore(second);  // a failure that was survived has restored the first
            });
}

TEST_F(FailingAllocations, Files) {
  Training s = make_setup();
  io::TensorFile file = io::state_dict(*s.model);
  file.metadata.emplace_back("a key", std::string(2000, 'x'));
  const std::vector<std::byte> bytes = io::write_safetensors(file);
  fail_each([&] { EXPECT_EQ(io::write_safetensors(file), bytes); }, [] {});
  fail_each([&] { EXPECT_EQ(io::read_safetensors(bytes).tensors.size(), 4U); }, [] {});
  const std::vector<double> expected = weights(*s.model);
  const io::TensorFile weights_only = io::read_safetensors(io::write_safetensors(io::state_dict(*s.model)));
  for (Tensor& parameter : s.model->parameters()) parameter.fill(0);
  const std::vector<double> zeros = weights(*s.model);
  fail_each([&] { io::load_state_dict(*s.model, weights_only); },
            [&] {
              EXPECT_EQ(weights(*s.model), threw ? zeros : expected);
              for (Tensor& parameter : s.model->parameters()) parameter.fill(0);
            });
}

TEST_F(FailingAllocations, Evaluation) {
  Training s = make_setup();
  const auto loss_of = [&] {
    train::Evaluator evaluator(s.model, blobs(100), train::Loss::cross_entropy, 40);
    while (evaluator.step()) continue;
    return evaluator.result().loss;
  };
  const double expected = loss_of();
  fail_each([&] { static_cast<void>(loss_of()); },
            [&] {
              EXPECT_EQ(loss_of(), expected);
              EXPECT_TRUE(s.model->training());
            });
}

TEST_F(FailingAllocations, OperationsAndGradients) {
  Generator generator(5);
  const auto program = [](const Tensor& x, const Tensor& w) {
    Tensor y = ops::matmul(ops::softmax(ops::gelu(x), 1), w);
    y = ops::add(ops::mul(y, y), ops::mean(y.transpose(0, 1), {0, true}));
    Tensor loss = ops::sum(ops::log_softmax(y.slice(0, 1, 90, 2), 1), {});
    backward(loss);
    return loss.item();
  };
  struct Leaves {
    Tensor x = Tensor::randn({128, 150}), w = Tensor::randn({150, 128});
    Leaves() {
      set_requires_grad(x, true);
      set_requires_grad(w, true);
    }
    void forget() {
      set_grad(x, {});
      set_grad(w, {});
    }
  };
  manual_seed(3);
  static_cast<void>(program(Leaves().x, Leaves().w));  // the thread's scratch grows once
  release_pooled_memory();
  blocks_ = live;
  Leaves leaves;
  const double expected = program(leaves.x, leaves.w);
  const std::vector<double> gradient = values(grad(leaves.x));
  leaves.forget();
  const long count = fail_each([&] { program(leaves.x, leaves.w); },
                               [&] {
                                 leaves.forget();
                                 EXPECT_EQ(program(leaves.x, leaves.w), expected);
                                 EXPECT_EQ(values(grad(leaves.x)), gradient);
                                 leaves.forget();
                               });
  EXPECT_GT(count, 20);
}

}  // namespace
}  // namespace tinytorch::testing
