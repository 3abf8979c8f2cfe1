// The glue of the builds with threads, which is the script of their workers, too; scripts/build_package.mjs puts it into
// dist/module.
declare const factory: import('../wasm_module.js').ModuleFactory;
export default factory;
