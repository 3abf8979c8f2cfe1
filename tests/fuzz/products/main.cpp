// Random matrix products, each in many ways, beside a plain reference.
//
//   tinytorch_fuzz_products [--seed=S] [--count=PRODUCTS] [--seconds=S] [--max-work=MULTIPLY-ADDS] [--from=CASE]
//   [--verbose] tinytorch_fuzz_products --case=TEXT [--repeat=N] [--shrink]
//
// It ends after so many products or seconds, whichever comes first. The seed is the clock's unless given. A failure is
// made as small as it goes and printed with the command line that repeats it. Natively that holds for a product that
// ends the program, too: the program starts itself again with `--shrink`, which tries each smaller case in a process of
// its own. In a wasm module, which cannot do that, `--from` and `--verbose` find such a product: case number i depends
// on the seed and i alone.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "case.h"
#include "check.h"

#ifndef __EMSCRIPTEN__
#include <unistd.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
extern "C" const char* __asan_default_options() { return "abort_on_error=1"; }  // so that say_where() is called
#endif

namespace tinytorch::fuzz {
namespace {

struct Options {
  std::uint64_t seed = 0, count = UINT64_MAX, from = 0;
  double seconds = 0, max_work = 4e6;
  bool verbose = false, shrink = false, plain = false;
  int repeat = 1;
  std::optional<Case> only;
};

std::string how_to_repeat(const Case& which) { return "tinytorch_fuzz_products --case=" + to_text(which); }

const char* program = "tinytorch_fuzz_products";

#ifndef __EMSCRIPTEN__
/// The program is about to end. It may not even have memory to speak of, so all that it does is to begin anew.
void begin_anew(int) {
  static char text[7 + kMostText] = "--case=";
  char which[kMostText];
  write_text(running(), which);
  std::strcpy(text + 7, which);
  execl(program, program, "--shrink", text, nullptr);
  std::_Exit(1);
}

/// In a process of its own, which may end as it likes.
bool fails_apart(const Case& which) {
  const std::string command = "'" + std::string(program) + "' --plain --case=" + to_text(which) + " >/dev/null 2>&1";
  return std::system(command.c_str()) != 0;
}

void catch_the_end() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGBUS}) {
    sigaddset(&signals, signal);
    std::signal(signal, begin_anew);
  }
  sigprocmask(SIG_UNBLOCK, &signals, nullptr);  // blocked where begin_anew() has begun this program
}
#else
bool fails_apart(const Case&) { return false; }
void catch_the_end() {}
#endif

/// Whether that one way fails; what an error text says does not matter.
bool fails(const Case& which) {
  std::uint64_t products = 0;
  try {
    return check(which, products).has_value();
  } catch (const std::exception&) {
    return true;
  }
}

int report(const Failure& found) {
  std::fprintf(stderr, "\nFAILED: %s\n  %s\nmaking it smaller ...\n", found.what.c_str(),
               how_to_repeat(found.which).c_str());
  const Case smallest = fails(found.which) ? shrink(found.which, fails) : found.which;
  std::uint64_t products = 0;
  const std::optional<Failure> again = check(smallest, products);
  std::fprintf(stderr, "smallest: %s\n  %s\n", again ? again->what.c_str() : "(does not fail each time)",
               how_to_repeat(smallest).c_str());
  return 1;
}

int run(const Options& options) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const auto spent = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  std::printf("seed %llu\n", static_cast<unsigned long long>(options.seed));
  std::fflush(stdout);
  std::uint64_t products = 0, number = options.from;
  double next_word = 10;
  for (; products < options.count; ++number) {
    const double now = spent();
    if (options.seconds > 0 && now >= options.seconds) break;
    if (now >= next_word) {
      std::printf("%.0f s: %llu products, next case %llu\n", now, static_cast<unsigned long long>(products),
                  static_cast<unsigned long long>(number));
      std::fflush(stdout);
      next_word = now + 10;
    }
    const Case which = random_case(options.seed, number, options.max_work);
    if (options.verbose) {
      std::printf("%llu: %s\n", static_cast<unsigned long long>(number), to_text(which).c_str());
      std::fflush(stdout);
    }
    if (const std::optional<Failure> found = check(which, products)) {
      std::fprintf(stderr, "case %llu of seed %llu", static_cast<unsigned long long>(number),
                   static_cast<unsigned long long>(options.seed));
      return report(*found);
    }
  }
  std::printf("%llu products of %llu cases in %.1f s: all right\n", static_cast<unsigned long long>(products),
              static_cast<unsigned long long>(number - options.from), spent());
  return 0;
}

Options parse(int argc, char** argv) {
  Options options;
  options.seed = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()) % 1000000007;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const std::string_view name = word.substr(0, word.find('='));
    const std::string value(word.substr(std::min(word.size(), name.size() + 1)));
    if (name == "--seed")
      options.seed = std::stoull(value);
    else if (name == "--count")
      options.count = std::stoull(value);
    else if (name == "--from")
      options.from = std::stoull(value);
    else if (name == "--seconds")
      options.seconds = std::stod(value);
    else if (name == "--max-work")
      options.max_work = std::stod(value);
    else if (name == "--repeat")
      options.repeat = std::stoi(value);
    else if (name == "--verbose")
      options.verbose = true;
    else if (name == "--shrink")
      options.shrink = true;
    else if (name == "--plain")
      options.plain = true;
    else if (name == "--case")
      options.only = from_text(value);
    else
      throw std::invalid_argument("unknown option " + std::string(word));
  }
  if (options.count == UINT64_MAX && options.seconds == 0) options.seconds = 10;
  return options;
}

int main_of(int argc, char** argv) {
  const Options options = parse(argc, argv);
  program = argv[0];
  if (!options.plain) catch_the_end();
  if (!options.only) return run(options);
  if (options.shrink) {
    std::fprintf(stderr, "FAILED: the program ended in\n  %s\nmaking it smaller ...\n",
                 how_to_repeat(*options.only).c_str());
    if (!fails_apart(*options.only)) return std::fprintf(stderr, "it does not fail each time\n"), 1;
    std::fprintf(stderr, "smallest:\n  %s\n", how_to_repeat(shrink(*options.only, fails_apart)).c_str());
    return 1;
  }
  for (int i = 0; i < options.repeat; ++i) {
    std::uint64_t products = 0;
    if (const std::optional<Failure> found = check(*options.only, products)) {
      std::fprintf(stderr, "FAILED: %s\n  %s\n", found->what.c_str(), how_to_repeat(found->which).c_str());
      return 1;
    }
  }
  std::printf("all right\n");
  return 0;
}

}  // namespace
}  // namespace tinytorch::fuzz

int main(int argc, char** argv) {
  try {
    return tinytorch::fuzz::main_of(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tinytorch_fuzz_products: %s\n", error.what());
    return 2;
  }
}
