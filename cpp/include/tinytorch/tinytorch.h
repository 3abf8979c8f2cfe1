#pragma once

// Everything at once, for programs; inside the library each file includes what it uses.
#include "tinytorch/autograd.h"
#include "tinytorch/data.h"
#include "tinytorch/error.h"
#include "tinytorch/io.h"
#include "tinytorch/matmul.h"
#include "tinytorch/nn.h"
#include "tinytorch/ops.h"
#include "tinytorch/optim.h"
#include "tinytorch/profile.h"
#include "tinytorch/random.h"
#include "tinytorch/tensor.h"
#include "tinytorch/threads.h"
#include "tinytorch/train.h"
