// The build without threads: parallel_for runs inline.
#include "tinytorch/threads.h"

namespace tinytorch {

int num_threads() noexcept { return 1; }
void set_num_threads(int) noexcept {}

}  // namespace tinytorch
