#pragma once

namespace tinytorch::bench {

/// Adds a program's benchmarks. main() has set the number of threads by then (`--threads=N`, 1 by default).
void register_benchmarks();

}  // namespace tinytorch::bench
