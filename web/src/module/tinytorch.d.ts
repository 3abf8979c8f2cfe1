// The glue of the builds without threads, from scripts/build_package.mjs.
declare const factory: import('../wasm_module.js').ModuleFactory;
export default factory;
