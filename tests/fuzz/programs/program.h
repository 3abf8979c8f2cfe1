#pragma once

// A program over the library's API: a list of commands, each a kind and five small numbers, six bytes in a row. Any
// bytes are a program, so that libFuzzer can make and change them.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace tinytorch::fuzz {

inline constexpr std::size_t command_bytes = 6;

/// Runs a program beside the reference (tests/reference). Returns what is different, with the commands that led there;
/// empty where nothing is. `commands` counts what ran.
[[nodiscard]] std::string run_program(std::span<const std::uint8_t> bytes, std::size_t& commands);

}  // namespace tinytorch::fuzz
