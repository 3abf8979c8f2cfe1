// The glue of the builds with threads, which is the script of their workers, too; from scripts/build_package.mjs.
declare const factory: import('../wasm_module.js').ModuleFactory;
export default factory;
