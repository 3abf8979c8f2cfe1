#include <cstdint>
#include <vector>

#include "tensor_tester.h"

namespace tinytorch::testing {
namespace {

TEST(TensorMemory, CountsLivePeakAndPooled) {
  release_pooled_memory();
  reset_peak_memory();
  const MemoryStats start = memory_stats();
  EXPECT_EQ(start.pooled_bytes, 0);
  EXPECT_EQ(start.peak_bytes, start.live_bytes);
  {
    const Tensor a = Tensor::zeros({1000});
    const Tensor view = a.slice(0, 0, 10);
    const MemoryStats now = memory_stats();
    EXPECT_EQ(now.storages, start.storages + 1);
    EXPECT_EQ(now.live_bytes, start.live_bytes + 4000);
  }
  const MemoryStats end = memory_stats();
  EXPECT_EQ(end.storages, start.storages);
  EXPECT_EQ(end.live_bytes, start.live_bytes);
  EXPECT_EQ(end.peak_bytes, start.live_bytes + 4000);
  EXPECT_GE(end.pooled_bytes, 4000);
  EXPECT_LE(end.pooled_bytes, 4500);
  release_pooled_memory();
  EXPECT_EQ(memory_stats().pooled_bytes, 0);
}

TEST(TensorMemory, AViewKeepsTheStorage) {
  Tensor view;
  {
    const Tensor a = Tensor::arange(0, 100);
    view = a.slice(0, 90, 100);
  }
  EXPECT_EQ(values(view)[9], 99);
}

TEST(TensorMemory, BuffersAreAlignedAndReused) {
  for (std::int64_t count = 0; count < 3000; count = count * 3 / 2 + 1) {
    const void* first = nullptr;
    {
      const Tensor a = Tensor::empty({count});
      first = a.data<float>();
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % 64, 0u);
    }
    const Tensor b = Tensor::empty({count});
    EXPECT_EQ(b.data<float>(), first) << count;
  }
}

TEST(TensorMemory, SteadyStateTakesNothingNew) {
  const auto step = [] {
    const Tensor a = Tensor::zeros({64, 256}), b = Tensor::zeros({256, 10}), c = a.clone();
    return a.numel() + b.numel() + c.numel();
  };
  (void)step();
  const MemoryStats before = memory_stats();
  for (int i = 0; i < 100; ++i) (void)step();
  const MemoryStats after = memory_stats();
  EXPECT_EQ(after.live_bytes, before.live_bytes);
  EXPECT_EQ(after.pooled_bytes, before.pooled_bytes);
}

TEST(TensorMemory, OutOfMemoryIsAnErrorAndNotTheEnd) {
  const std::int64_t live = memory_stats().live_bytes;
  if constexpr (sizeof(void*) == 8) {
    EXPECT_ERROR(Tensor::empty({1 << 21, 1 << 21}, DType::float64), ErrorCode::out_of_memory,
                 "a tensor of shape [2097152,2097152] float64 needs 35184372088832 bytes");
  } else {
    std::vector<Tensor> taken;
    try {
      for (int i = 0; i < 64; ++i) taken.push_back(Tensor::empty({32, 1 << 20}));  // 128 MB each
      ADD_FAILURE() << "8 GB fitted into a 32-bit address space";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
      EXPECT_NE(std::string(error.what()).find("[32,1048576] float32 needs 134217728 bytes"), std::string::npos)
          << error.what();
    }
  }
  EXPECT_EQ(memory_stats().live_bytes, live);
  EXPECT_EQ(values(Tensor::ones({2})), (std::vector<double>{1, 1}));
}

TEST(TensorMemory, TheReserveIsGivenBackBeforeGivingUp) {
  {
    const Tensor a = Tensor::empty({1 << 20});
  }
  EXPECT_GT(memory_stats().pooled_bytes, 0);
  if constexpr (sizeof(void*) == 8) {
    EXPECT_THROW((void)Tensor::empty({1 << 21, 1 << 21}, DType::float64), Error);
    EXPECT_EQ(memory_stats().pooled_bytes, 0);
  }
}

}  // namespace
}  // namespace tinytorch::testing
