// Options that say what is computed: see problem_options.h.
#include "tools/problem_options.h"

#include <limits>
#include <map>

#include "tools/presets.h"

namespace swiglu::tool {
namespace {

const std::map<std::string, swiglu_dtype>& dtypes() {
  static const std::map<std::string, swiglu_dtype> table{{"bf16", SWIGLU_BF16}, {"f16", SWIGLU_F16}};
  return table;
}

const std::map<std::string, swiglu_accum>& accums() {
  static const std::map<std::string, swiglu_accum> table{{"f32", SWIGLU_ACCUM_F32},
                                                         {"f16", SWIGLU_ACCUM_F16},
                                                         {"f16_promoted", SWIGLU_ACCUM_F16_PROMOTED},
                                                         {"f64", SWIGLU_ACCUM_F64}};
  return table;
}

const std::map<std::string, swiglu_layout>& layouts() {
  static const std::map<std::string, swiglu_layout> table{{"kn", SWIGLU_KN}, {"nk", SWIGLU_NK}};
  return table;
}

template <typename Value>
std::string name_of(const std::map<std::string, Value>& table, Value value) {
  for (const auto& [name, entry] : table) {
    if (entry == value) {
      return name;
    }
  }
  return "?";
}

std::string preset_names() {
  std::string names;
  for (const Preset& preset : presets()) {
    names += names.empty() ? "" : ", ";
    names += preset.name;
  }
  return names;
}

// CLI11's checked transformers list enumerators as numbers in the help: names alone are clearer.
template <typename Value>
void add_choice(CLI::App& command, const std::string& option, Value& target, const std::map<std::string, Value>& table,
                const std::string& description) {
  std::string names;
  for (const auto& [name, value] : table) {
    names += (names.empty() ? "" : "|") + name;
  }
  command
      .add_option_function<std::string>(
          option, [&target, &table](const std::string& name) { target = table.at(name); }, description)
      ->check(CLI::IsMember(table).description(""))
      ->type_name(names)
      ->default_str(name_of(table, target));
}

}  // namespace

std::shared_ptr<ProblemOptions> add_problem_options(CLI::App& command) {
  auto options = std::make_shared<ProblemOptions>();
  const std::size_t options_before = command.get_options().size();
  const CLI::Range size(std::int64_t{1}, std::int64_t{std::numeric_limits<std::int32_t>::max()});
  command.add_option("--preset", options->preset, "Sizes of a known model's layer: " + preset_names())
      ->check([](const std::string& name) {
        return find_preset(name) != nullptr ? std::string() : name + " is none of " + preset_names();
      })
      ->type_name("MODEL")
      ->capture_default_str();
  command.add_option("--d-model", options->d_model, "Width of x, in place of the preset's")
      ->check(size)
      ->type_name("N");
  command.add_option("--d-intermediate", options->d_intermediate, "Width of out, in place of the preset's")
      ->check(size)
      ->type_name("N");
  add_choice(command, "--dtype", options->dtype, dtypes(), "Of x, the weights and out");
  add_choice(command, "--accum", options->accum, accums(),
             "What products are summed in; the f16 kinds need --dtype f16, f64 the CPU device");
  add_choice(command, "--layout", options->layout, layouts(),
             "Of the weights: nk [d_intermediate, d_model], as torch.nn.Linear has them; kn [d_model, d_intermediate]");
  command.add_flag("--store", options->store, "Also write the pre-activations g and u");
  const std::vector<CLI::Option*> all = command.get_options();
  options->of_command.assign(all.begin() + static_cast<std::ptrdiff_t>(options_before), all.end());
  return options;
}

std::string given_problem_options(const ProblemOptions& options) {
  std::string names;
  for (const CLI::Option* option : options.of_command) {
    if (option->count() > 0) {
      names += (names.empty() ? "" : ", ") + option->get_name();
    }
  }
  return names;
}

swiglu_plan_desc describe_problem(const ProblemOptions& options) {
  const Preset& preset = *find_preset(options.preset);
  swiglu_plan_desc desc{};
  desc.struct_size = sizeof desc;
  desc.dtype = options.dtype;
  desc.accum = options.accum;
  desc.weight_layout = options.layout;
  desc.passes = options.store ? SWIGLU_PASS_FORWARD_STORE : SWIGLU_PASS_FORWARD;
  desc.d_model = options.d_model != 0 ? options.d_model : preset.d_model;
  desc.d_intermediate = options.d_intermediate != 0 ? options.d_intermediate : preset.d_intermediate;
  return desc;
}

std::string spell(const swiglu_plan_desc& desc) {
  return "d_model " + std::to_string(desc.d_model) + ", d_intermediate " + std::to_string(desc.d_intermediate) + ", " +
         spell_kind(desc);
}

std::string spell_kind(const swiglu_plan_desc& desc) {
  return name_of(dtypes(), desc.dtype) + ", " + name_of(accums(), desc.accum) + " accumulators, weights " +
         name_of(layouts(), desc.weight_layout) + (desc.passes == SWIGLU_PASS_FORWARD_STORE ? ", storing g and u" : "");
}

std::vector<std::string> kind_arguments(const swiglu_plan_desc& desc) {
  std::vector<std::string> arguments{"--dtype",  name_of(dtypes(), desc.dtype),
                                     "--accum",  name_of(accums(), desc.accum),
                                     "--layout", name_of(layouts(), desc.weight_layout)};
  if (desc.passes == SWIGLU_PASS_FORWARD_STORE) {
    arguments.emplace_back("--store");
  }
  return arguments;
}

}  // namespace swiglu::tool
