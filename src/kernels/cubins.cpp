#include "kernels/cubins.h"

#include <optional>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/settings.h"
#include "base/spelling.h"
#include "jit/compiler.h"
#include "jit/source.h"
#include "jit/templates.h"
#include "kernels/cubin_key.h"
#include "kernels/single_flight.h"
#include "swiglu/validity.h"

namespace swiglu {
namespace {

using CubinPointer = std::shared_ptr<const Cubin>;

SingleFlight<Cubin>& memory() {
  static auto* const instance = new SingleFlight<Cubin>;  // leaked, as all that a plan may use while the process ends
  return *instance;
}

CubinPointer find_in_stores(const std::string& key) {
  std::optional<KernelStore::Found> found = kernel_store().find(key);
  if (!found) {
    return nullptr;
  }
  const Origin origin = found->origin == KernelStore::Origin::user ? Origin::user : Origin::shared;
  return std::make_shared<const Cubin>(Cubin{std::move(found->entry), origin});
}

CubinPointer compile(const Unit& unit, const std::string& arch, const std::string& key) {
  CompileResult result = Compiler::instance().compile({unit.source, arch});
  if (!result.defect.empty()) {
    fail(SWIGLU_COMPILE_FAILED, "the kernel {} for {} must not be used as compiled: {}. Its log:\n{}", unit.name, arch,
         result.defect, result.log);
  }
  log().debug("compiled {} for {} in {:.0f} ms: {} registers", unit.name, arch, result.milliseconds, result.registers);
  KernelEntry entry;
  entry.key = key;
  entry.config = unit.name;
  entry.arch = arch;
  entry.registers = result.registers;
  entry.spill_bytes = result.spill_bytes;
  entry.shared_bytes = unit.shared_bytes;
  entry.compile_milliseconds = result.milliseconds;
  entry.cubin = std::move(result.cubin);
  if (kernel_store().put(entry)) {
    kernel_store().note_compiler(Compiler::instance().identity());
  }
  return std::make_shared<const Cubin>(Cubin{std::move(entry), Origin::compiled});
}

// What `identity` tells; nothing where there is no NVRTC that will do, and then why.
template <typename Identity>
std::optional<std::string> if_there_is_one(Identity&& identity, std::optional<Error>& why_none) {
  try {
    return identity();
  } catch (const Error& error) {
    if (error.status() != SWIGLU_NO_COMPILER) {
      throw;
    }
    why_none = error;
    return std::nullopt;
  }
}

std::optional<std::string> expected_compiler(std::optional<Error>& why_none) {
  return if_there_is_one([] { return Compiler::expected_identity(); }, why_none);
}

std::optional<std::string> true_compiler(std::optional<Error>& why_none) {
  return if_there_is_one([] { return Compiler::instance().identity(); }, why_none);
}

// What without_compiler() found is kept in memory under the key of no compiler.
std::string key_without_compiler(const Unit& unit, const std::string& arch) { return cubin_key(unit, arch, ""); }

CubinPointer without_compiler(const Unit& unit, const std::string& arch, const Error& why_none, Policy policy) {
  const std::string key = key_without_compiler(unit, arch);
  if (auto known = memory().find(key)) {
    return known;
  }
  for (const std::string& compiler : kernel_store().compilers()) {
    if (auto found = find_in_stores(cubin_key(unit, arch, compiler))) {
      memory().put(key, found);
      return found;
    }
  }
  if (policy == Policy::cached_only) {
    fail(SWIGLU_NOT_CACHED,
         "the kernel {} for {} is in no store, and there is no NVRTC here (nor may it be used: "
         "SWIGLU_TUNING_CACHED_ONLY). `swiglu cache export` on a machine that has one packs kernels for this one",
         unit.name, arch);
  }
  throw Error(why_none);
}

CubinPointer found_or_compiled(const Unit& unit, const std::string& arch, const std::string& key) {
  auto found = find_in_stores(key);
  return found != nullptr ? found : compile(unit, arch, key);
}

// `key` is of the NVRTC that is expected. Should another one turn out to be what loads, or none, that one counts.
CubinPointer find_or_compile(const Unit& unit, const std::string& arch, const std::string& key) {
  if (auto found = find_in_stores(key)) {
    return found;
  }
  std::optional<Error> why_none;
  const std::optional<std::string> compiler = true_compiler(why_none);
  if (!compiler) {
    return without_compiler(unit, arch, *why_none, Policy::compile);
  }
  const std::string true_key = cubin_key(unit, arch, *compiler);
  if (true_key == key) {
    return compile(unit, arch, key);
  }
  return memory().get(true_key, [&] { return found_or_compiled(unit, arch, true_key); });
}

// Null where neither memory nor a store has it.
CubinPointer find_known(const std::string& key) {
  if (auto known = memory().find(key)) {
    return known;
  }
  auto found = find_in_stores(key);
  if (found != nullptr) {
    memory().put(key, found);
  }
  return found;
}

CubinPointer cached_only(const Unit& unit, const std::string& arch, const std::string& key) {
  if (auto known = find_known(key)) {
    return known;
  }
  std::optional<Error> why_none;
  const std::optional<std::string> compiler = true_compiler(why_none);
  if (!compiler) {
    return without_compiler(unit, arch, *why_none, Policy::cached_only);
  }
  const std::string true_key = cubin_key(unit, arch, *compiler);
  if (true_key != key) {
    if (auto known = find_known(true_key)) {
      return known;
    }
  }
  fail(SWIGLU_NOT_CACHED,
       "the kernel {} for {} is in no store, and compiling was not allowed (SWIGLU_TUNING_CACHED_ONLY). Compile it "
       "ahead with `swiglu compile`, or use SWIGLU_TUNING_ESTIMATE",
       unit.name, arch);
}

CubinPointer force(const Unit& unit, const std::string& arch) {
  auto made = compile(unit, arch, cubin_key(unit, arch, Compiler::instance().identity()));
  memory().put(made->entry.key, made);
  return made;
}

Unit unchecked_unit_of(const KernelConfig& config) {
  return {print(config), generate_source(config), shared_bytes(config)};
}

}  // namespace

const char* name(Origin origin) {
  switch (origin) {
    case Origin::memory:
      return "memory";
    case Origin::user:
      return "user";
    case Origin::shared:
      return "shared";
    case Origin::compiled:
      return "compiled";
  }
  return "?";
}

Unit unit_of(const KernelConfig& config) {
  if (const char* reason = why_invalid(config)) {
    fail(SWIGLU_NOT_SUPPORTED, "no kernel can be made of {}: {}", print(config), reason);
  }
  return unchecked_unit_of(config);
}

std::string cubin_key(const Unit& unit, const std::string& arch) {
  return cubin_key(unit, arch, Compiler::expected_identity());
}

std::string cubin_key(const Unit& unit, const std::string& arch, const std::string& compiler) {
  CubinIngredients ingredients;
  ingredients.config = unit.name;
  ingredients.arch = arch;
  ingredients.source = unit.source;
  ingredients.templates = templates_digest();
  ingredients.options = Compiler::options();
  ingredients.compiler = compiler;
  ingredients.shared_bytes = unit.shared_bytes;
  return print_key(ingredients);
}

std::string cubin_key(const KernelConfig& config, const std::string& arch) {
  return cubin_key(unchecked_unit_of(config), arch);
}

std::shared_ptr<const Cubin> get_cubin(const Unit& unit, const std::string& arch, Policy policy) {
  if (policy == Policy::force) {
    return force(unit, arch);
  }
  std::optional<Error> why_none;
  const std::optional<std::string> compiler = expected_compiler(why_none);
  if (!compiler) {
    return without_compiler(unit, arch, *why_none, policy);
  }
  const std::string key = cubin_key(unit, arch, *compiler);
  if (policy == Policy::cached_only) {
    return cached_only(unit, arch, key);
  }
  return memory().get(key, [&] { return find_or_compile(unit, arch, key); });
}

std::shared_ptr<const Cubin> get_cubin(const KernelConfig& config, const std::string& arch, Policy policy) {
  return get_cubin(unit_of(config), arch, policy);
}

void release_cubin(const KernelConfig& config, const std::string& arch) {
  const std::string key = cubin_key(config, arch);
  const CubinPointer known = memory().find(key);
  if (known != nullptr && (known->origin == Origin::shared || kernel_store().has(key))) {
    memory().forget(key);
  }
}

void forget_cubin(const Unit& unit, const std::string& arch, const Cubin& rejected) {
  memory().forget(rejected.entry.key);
  memory().forget(key_without_compiler(unit, arch));
  kernel_store().remove(rejected.entry.key);
}

KernelStore& kernel_store() {
  static auto* const store = new KernelStore(kernel_store_options(settings()));
  return *store;
}

}  // namespace swiglu
