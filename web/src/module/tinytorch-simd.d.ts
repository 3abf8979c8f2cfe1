// The Emscripten module of the `simd` build; scripts/build_package.mjs puts it into dist/module.
declare const factory: import('../wasm_module.js').ModuleFactory;
export default factory;
export const buildId: string;
