# Every C and C++ file of the repository is as clang-format would write it, but for the generator's instances/.
#
#   cmake -D ROOT=<repository> -D CLANG_FORMAT=<program> -P format_test.cmake
cmake_minimum_required(VERSION 3.25)
set(files "")
foreach(folder include src tools tests kernel_templates)
  file(GLOB_RECURSE found ${ROOT}/${folder}/*.h ${ROOT}/${folder}/*.cpp ${ROOT}/${folder}/*.c ${ROOT}/${folder}/*.cuh)
  list(APPEND files ${found})
endforeach()
list(LENGTH files count)
execute_process(COMMAND ${CLANG_FORMAT} --dry-run -Werror ${files} RESULT_VARIABLE code)
if(code)
  message(FATAL_ERROR "run: ${CLANG_FORMAT} -i on the files above")
endif()
message("${count} files are formatted")
