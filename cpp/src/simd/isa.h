#pragma once

// The instruction set that a file is compiled for. Files compiled with different flags are linked together
// (kernels/relaxed.cpp), so what may be compiled for a wider one is in a namespace of its own, TINYTORCH_ISA: a
// template that is instantiated on Vec<float>, or an inline function, is another function in each of them. Otherwise
// the linker would keep one of the two, and a processor without those instructions could run it.
#if defined(__wasm_relaxed_simd__)
#define TINYTORCH_ISA wasm_relaxed
#define TINYTORCH_ISA_HEADER "simd/lanes_wasm.h"
#define TINYTORCH_FUSED(wasm, sse, neon) wasm
#elif defined(__wasm_simd128__)
#define TINYTORCH_ISA wasm_simd
#define TINYTORCH_ISA_HEADER "simd/lanes_wasm.h"
#elif defined(__SSE2__) && defined(__FMA__)
#define TINYTORCH_ISA sse_fma
#define TINYTORCH_ISA_HEADER "simd/lanes_sse.h"
#define TINYTORCH_FUSED(wasm, sse, neon) sse
#elif defined(__SSE2__)
#define TINYTORCH_ISA sse
#define TINYTORCH_ISA_HEADER "simd/lanes_sse.h"
#elif defined(__aarch64__)
#define TINYTORCH_ISA neon
#define TINYTORCH_ISA_HEADER "simd/lanes_neon.h"
#define TINYTORCH_FUSED(wasm, sse, neon) neon
#else
#define TINYTORCH_ISA generic
#define TINYTORCH_ISA_HEADER "simd/lanes_generic.h"
#endif
