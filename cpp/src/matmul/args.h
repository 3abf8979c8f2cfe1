#pragma once

// The kernels' view of a product: MatmulArgs of the public header, plus what the front hands down.
#include "tinytorch/matmul.h"
