# cmake -D root=DIR -D templates="a.h;b.cuh" -D output=FILE -P embed.cmake
# Writes a C++ source defining swiglu::embedded_templates(): each template as a raw string literal under the name it is
# included by. A literal's limit of 65536 characters (C++ [implimits]) is kept by splitting texts at line ends.
set(delimiter "swiglu_text")
set(chunk_bytes 16000)
set(tables "")
set(rows "")
set(index 0)
foreach(name IN LISTS templates)
  file(READ "${root}/${name}" text)
  string(FIND "${text}" ")${delimiter}\"" clash)
  if(NOT clash EQUAL -1)
    message(FATAL_ERROR "${name} contains the end of a raw string literal, )${delimiter}\"")
  endif()
  set(chunks "")
  string(LENGTH "${text}" length)
  while(length GREATER ${chunk_bytes})
    string(SUBSTRING "${text}" 0 ${chunk_bytes} head)
    string(FIND "${head}" "\n" cut REVERSE)
    if(cut EQUAL -1)
      message(FATAL_ERROR "${name} has a line longer than ${chunk_bytes} characters")
    endif()
    math(EXPR cut "${cut} + 1")
    string(SUBSTRING "${text}" 0 ${cut} head)
    string(SUBSTRING "${text}" ${cut} -1 text)
    string(APPEND chunks "    R\"${delimiter}(${head})${delimiter}\",\n")
    string(LENGTH "${text}" length)
  endwhile()
  string(APPEND chunks "    R\"${delimiter}(${text})${delimiter}\"")
  string(APPEND tables "constexpr std::string_view kText${index}[] = {\n${chunks}};\n")
  string(APPEND rows "    {\"${name}\", kText${index}},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE "${output}" "// Written by kernel_templates/embed.cmake from the files it names; edit those.
#include \"jit/embedded_templates.h\"

namespace swiglu {
namespace {

${tables}
constexpr EmbeddedTemplate kTemplates[] = {
${rows}};

}  // namespace

std::span<const EmbeddedTemplate> embedded_templates() { return kTemplates; }

}  // namespace swiglu
")
