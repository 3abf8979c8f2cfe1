/// <reference lib="esnext.disposable" preserve="true" />

// `using x = ...` needs Symbol.dispose, which engines before 2025 lack. Compiled `using` looks the symbol up
// when it runs, so defining it here is enough.

if (!Symbol.dispose) {
  Object.defineProperty(Symbol, 'dispose', { value: Symbol('Symbol.dispose') });
}

/** `Symbol.dispose`, in every engine. Import it by this name, so that bundlers keep the definition above. */
export const disposeSymbol: typeof Symbol.dispose = Symbol.dispose;
