// The table of functions that JavaScript calls, third part: files.

#include <emscripten/bind.h>

#include <string>

#include "bridge.h"
#include "tinytorch/data.h"
#include "tinytorch/io.h"

namespace tinytorch::bindings {
namespace {

/// For JavaScript to write a file into.
Handle create_bytes(double size) {
  return guarded([=] { return give_bytes(Bytes(static_cast<std::size_t>(size))); });
}
Handle read_idx(Handle bytes) {
  return guarded([=] { return give(data::read_idx(object<Bytes>(bytes))); });
}

Handle create_file() {
  return guarded([] { return give_object<io::TensorFile>({}); });
}
Handle file_add(Handle f, const std::string& name, Handle a) {
  return done([&] { object<io::TensorFile>(f).tensors.emplace_back(name, tensor(a)); });
}
Handle file_note(Handle f, const std::string& key, const std::string& value) {
  return done([&] { object<io::TensorFile>(f).metadata.emplace_back(key, value); });
}
Handle write_file(Handle f) {
  return guarded([=] { return give_bytes(io::write_safetensors(object<io::TensorFile>(f))); });
}
Handle read_file(Handle bytes) {
  return guarded([=] { return give_object<io::TensorFile>(io::read_safetensors(object<Bytes>(bytes))); });
}
int file_count(Handle f) { return static_cast<int>(object<io::TensorFile>(f).tensors.size()); }
std::string file_name(Handle f, int index) {
  return object<io::TensorFile>(f).tensors[static_cast<std::size_t>(index)].first;
}
Handle file_tensor(Handle f, int index) {
  return guarded([=] { return give(object<io::TensorFile>(f).tensors[static_cast<std::size_t>(index)].second); });
}
int note_count(Handle f) { return static_cast<int>(object<io::TensorFile>(f).metadata.size()); }
std::string note_key(Handle f, int index) {
  return object<io::TensorFile>(f).metadata[static_cast<std::size_t>(index)].first;
}
std::string note_value(Handle f, int index) {
  return object<io::TensorFile>(f).metadata[static_cast<std::size_t>(index)].second;
}
Handle state_dict(Handle m) {
  return guarded([=] { return give_object<io::TensorFile>(io::state_dict(module(m))); });
}
Handle load_state_dict(Handle m, Handle f) {
  return done([=] { io::load_state_dict(module(m), object<io::TensorFile>(f)); });
}

}  // namespace

const Call calls_files[] = {
    TINYTORCH_CALL("createBytes", create_bytes),
    TINYTORCH_CALL("releaseBytes", release<Bytes>),
    TINYTORCH_CALL("readIdx", read_idx),

    TINYTORCH_CALL("createFile", create_file),
    TINYTORCH_CALL("releaseFile", release<io::TensorFile>),
    TINYTORCH_CALL("writeFile", write_file),
    TINYTORCH_CALL("readFile", read_file),
    TINYTORCH_CALL("fileCount", file_count),
    TINYTORCH_CALL("fileTensor", file_tensor),
    TINYTORCH_CALL("noteCount", note_count),
    TINYTORCH_CALL("stateDict", state_dict),
    TINYTORCH_CALL("loadStateDict", load_state_dict),
    {},
};

EMSCRIPTEN_BINDINGS(tinytorch_files) {
  using emscripten::function;
  function("fileAdd", file_add);
  function("fileNote", file_note);
  function("fileName", file_name);
  function("noteKey", note_key);
  function("noteValue", note_value);
}

}  // namespace tinytorch::bindings
