// The table of functions that JavaScript calls, third part: files.

#include <limits>
#include <string>

#include "bridge.h"
#include "tinytorch/data.h"
#include "tinytorch/error.h"
#include "tinytorch/io.h"

namespace tinytorch::bindings {
namespace {

/// Memory into which JavaScript writes a file.
Handle create_bytes(double size) {
  return guarded([=] {
    if (!(size >= 0 && size <= std::numeric_limits<std::ptrdiff_t>::max())) {
      throw Error(ErrorCode::overflow, "a file of 2 GB or more does not fit into the address space");
    }
    return give_bytes(Bytes(static_cast<std::size_t>(size)));
  });
}
Handle read_idx(Handle bytes) {
  return guarded([=] { return give(data::read_idx(object<Bytes>(bytes))); });
}

Handle create_file() {
  return guarded([] { return give_object<io::TensorFile>({}); });
}
/// The name is the text that JavaScript wrote.
Handle file_add(Handle f, Handle a) {
  return done([=] { object<io::TensorFile>(f).tensors.emplace_back(received_text(), tensor(a)); });
}
/// The text that JavaScript wrote is the key, `key_size` bytes long, and then the value.
Handle file_note(Handle f, double key_size) {
  return done([=] {
    const std::string both = received_text();
    const auto length = static_cast<std::size_t>(key_size);
    object<io::TensorFile>(f).metadata.emplace_back(both.substr(0, length), both.substr(length));
  });
}
Handle write_file(Handle f) {
  return guarded([=] { return give_bytes(io::write_safetensors(object<io::TensorFile>(f))); });
}
Handle read_file(Handle bytes) {
  return guarded([=] { return give_object<io::TensorFile>(io::read_safetensors(object<Bytes>(bytes))); });
}
int file_count(Handle f) { return static_cast<int>(object<io::TensorFile>(f).tensors.size()); }
Text file_name(Handle f, int index) {
  return send_text(std::string_view(object<io::TensorFile>(f).tensors[static_cast<std::size_t>(index)].first));
}
Handle file_tensor(Handle f, int index) {
  return guarded([=] { return give(object<io::TensorFile>(f).tensors[static_cast<std::size_t>(index)].second); });
}
int note_count(Handle f) { return static_cast<int>(object<io::TensorFile>(f).metadata.size()); }
Text note_key(Handle f, int index) {
  return send_text(std::string_view(object<io::TensorFile>(f).metadata[static_cast<std::size_t>(index)].first));
}
Text note_value(Handle f, int index) {
  return send_text(std::string_view(object<io::TensorFile>(f).metadata[static_cast<std::size_t>(index)].second));
}
/// `list` has names and tensors, as namedState() gives them.
Handle state_dict(Handle list) {
  return guarded([=] { return give_object<io::TensorFile>(io::state_dict(object<io::TensorFile>(list).tensors)); });
}
Handle load_state_dict(Handle list, Handle f) {
  return done([=] { io::load_state_dict(object<io::TensorFile>(list).tensors, object<io::TensorFile>(f)); });
}

}  // namespace

const Call calls_files[] = {
    TINYTORCH_CALL("createBytes", create_bytes),
    TINYTORCH_CALL("releaseBytes", release<Bytes>),
    TINYTORCH_CALL("readIdx", read_idx),

    TINYTORCH_CALL("createFile", create_file),
    TINYTORCH_CALL("releaseFile", release<io::TensorFile>),
    TINYTORCH_CALL("fileAdd", file_add),
    TINYTORCH_CALL("fileNote", file_note),
    TINYTORCH_CALL("writeFile", write_file),
    TINYTORCH_CALL("readFile", read_file),
    TINYTORCH_CALL("fileCount", file_count),
    TINYTORCH_CALL("fileName", file_name),
    TINYTORCH_CALL("fileTensor", file_tensor),
    TINYTORCH_CALL("noteCount", note_count),
    TINYTORCH_CALL("noteKey", note_key),
    TINYTORCH_CALL("noteValue", note_value),
    TINYTORCH_CALL("stateDict", state_dict),
    TINYTORCH_CALL("loadStateDict", load_state_dict),
    {},
};

}  // namespace tinytorch::bindings
