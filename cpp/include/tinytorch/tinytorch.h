#pragma once

// Everything at once, for programs; inside the library each file includes what it uses.
#include "tinytorch/error.h"
#include "tinytorch/matmul.h"
#include "tinytorch/nn.h"
#include "tinytorch/ops.h"
#include "tinytorch/profile.h"
#include "tinytorch/random.h"
#include "tinytorch/tensor.h"
