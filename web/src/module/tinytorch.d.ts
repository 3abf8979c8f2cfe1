// The glue of the builds without threads; scripts/build_package.mjs puts it into dist/module.
declare const factory: import('../wasm_module.js').ModuleFactory;
export default factory;
