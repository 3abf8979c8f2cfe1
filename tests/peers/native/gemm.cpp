// A native library's matrix product, timed under the line protocol of scripts/bench/contestants.mjs:
//   gemm FOLDER THREADS   reads shape.txt, a.bin, b.bin, writes result.bin, prints "ready";
//   then each line "window MS" on standard input is answered with "CALLS ms ms ms ...".
// Compiled once with -DPEER_OPENBLAS and once, for each instruction set, against Eigen.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#ifdef PEER_OPENBLAS
#include <cblas.h>
#else
#include <Eigen/Core>
#endif

namespace {

struct Shape {
  int m = 0, k = 0, n = 0, trans_a = 0, trans_b = 0, bytes = 4;
};

#ifdef PEER_OPENBLAS
void gemm(const Shape& s, const float* a, const float* b, float* c) {
  cblas_sgemm(CblasRowMajor, s.trans_a ? CblasTrans : CblasNoTrans, s.trans_b ? CblasTrans : CblasNoTrans, s.m, s.n,
              s.k, 1.0F, a, s.trans_a ? s.m : s.k, b, s.trans_b ? s.k : s.n, 0.0F, c, s.n);
}
void gemm(const Shape& s, const double* a, const double* b, double* c) {
  cblas_dgemm(CblasRowMajor, s.trans_a ? CblasTrans : CblasNoTrans, s.trans_b ? CblasTrans : CblasNoTrans, s.m, s.n,
              s.k, 1.0, a, s.trans_a ? s.m : s.k, b, s.trans_b ? s.k : s.n, 0.0, c, s.n);
}
#else
template <class T>
void gemm(const Shape& s, const T* a, const T* b, T* c) {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Map = Eigen::Map<const Matrix>;
  Eigen::Map<Matrix> y(c, s.m, s.n);
  if (s.trans_a) {
    y.noalias() = Map(a, s.k, s.m).transpose() * Map(b, s.k, s.n);
  } else if (s.trans_b) {
    y.noalias() = Map(a, s.m, s.k) * Map(b, s.n, s.k).transpose();
  } else {
    y.noalias() = Map(a, s.m, s.k) * Map(b, s.k, s.n);
  }
}
#endif

template <class T>
std::vector<T> read(const std::string& path, std::size_t count) {
  std::vector<T> data(count);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(data.data()), static_cast<std::streamsize>(count * sizeof(T)));
  return data;
}

double now_ms() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

template <class Call>
double region(const Call& call, int calls) {
  const double start = now_ms();
  for (int i = 0; i < calls; ++i) call();
  return now_ms() - start;
}

/// The same rule as in the page: regions of at least 2 ms, as many as fit into the window.
template <class Call>
void answer_windows(const Call& call) {
  constexpr double kRegionMs = 2;
  std::string word;
  double window = 0;
  while (std::cin >> word >> window) {
    int calls = 1;
    double ms = region(call, calls);
    while (ms < kRegionMs) ms = region(call, calls *= 2);
    std::string line = std::to_string(calls);
    const double begin = now_ms();
    do {
      line += ' ' + std::to_string(region(call, calls) / calls);
    } while (now_ms() - begin < window);
    std::cout << line << std::endl;
  }
}

template <class T>
void serve(const Shape& s, const std::string& folder) {
  const auto count = [](int rows, int columns) { return static_cast<std::size_t>(rows) * columns; };
  const std::vector<T> a = read<T>(folder + "/a.bin", count(s.m, s.k));
  const std::vector<T> b = read<T>(folder + "/b.bin", count(s.k, s.n));
  std::vector<T> c(count(s.m, s.n));
  const auto call = [&] { gemm(s, a.data(), b.data(), c.data()); };
  call();
  std::ofstream(folder + "/result.bin", std::ios::binary)
      .write(reinterpret_cast<const char*>(c.data()), static_cast<std::streamsize>(c.size() * sizeof(T)));
  std::cout << "ready" << std::endl;
  answer_windows(call);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: gemm FOLDER THREADS\n";
    return 2;
  }
  const std::string folder = argv[1];
  Shape s;
  std::ifstream(folder + "/shape.txt") >> s.m >> s.k >> s.n >> s.trans_a >> s.trans_b >> s.bytes;
  if (s.bytes == 8) {
    serve<double>(s, folder);
  } else {
    serve<float>(s, folder);
  }
  return 0;
}
